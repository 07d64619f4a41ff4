/// A number that no Matrix event may contain, and where it stands.
public struct NumberFault: Error, Equatable, Sendable {
    public enum Number: Equatable, Sendable {
        case float(Double)
        /// Outside ±(2^53 - 1).
        case integer(Int64)
    }

    /// Such as `content.field[2]`; keys that are no plain words stand as `content["m.relates_to"]`. Empty for a document
    /// that is itself the number, where no root was named.
    public let path: String
    public let number: Number
}

extension NumberFault: CustomStringConvertible {
    public var description: String {
        let place = path.isEmpty ? "the document" : path
        return switch number {
        case .float(let value): "\(place) is \(value): Matrix events contain no floats"
        case .integer(let value): "\(place) is \(value): Matrix events contain integers of up to 2^53 - 1 only"
        }
    }
}
