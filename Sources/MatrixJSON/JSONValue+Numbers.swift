extension JSONValue {
    /// 2^53 - 1.
    public static let largestEventInteger: Int64 = 9_007_199_254_740_991

    /// The first number, in the order written, for which a homeserver would refuse an event with this content:
    /// any float, also 1.0, and integers outside ±(2^53 - 1) (Matrix specification, appendices, "Canonical JSON").
    ///
    /// - Parameter root: what the path begins with.
    public func firstNumberFault(root: String = "content") -> NumberFault? {
        guard let found = firstFault() else { return nil }
        var path = root
        for step in found.steps.reversed() { step.append(to: &path) }
        return NumberFault(path: path, number: found.number)
    }

    private enum Step {
        case key(String)
        case index(Int)

        func append(to path: inout String) {
            switch self {
            case .index(let index): path += "[\(index)]"
            case .key(let key):
                let isWord =
                    !key.isEmpty
                    && key.utf8.allSatisfy {
                        switch $0 {
                        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                            true
                        default: false
                        }
                    }
                if isWord {
                    path += path.isEmpty ? key : ".\(key)"
                } else {
                    path += "[\(JSONValue.string(key).jsonText)]"
                }
            }
        }
    }

    /// Steps from the number outwards: nothing is gathered on the way in, where there is mostly nothing to find.
    private func firstFault() -> (number: NumberFault.Number, steps: [Step])? {
        switch self {
        case .null, .bool, .string: return nil
        case .integer(let value):
            return value.magnitude > UInt64(Self.largestEventInteger) ? (.integer(value), []) : nil
        case .double(let value): return (.float(value), [])
        case .array(let items):
            for (index, item) in items.enumerated() {
                if let fault = item.firstFault() { return (fault.number, fault.steps + [.index(index)]) }
            }
            return nil
        case .object(let object):
            for member in object.members {
                if let fault = member.value.firstFault() { return (fault.number, fault.steps + [.key(member.key)]) }
            }
            return nil
        }
    }
}
