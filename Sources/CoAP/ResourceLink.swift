/// A link to a resource with its attributes, as `/.well-known/core` lists it (RFC 6690), and the filters of its section 4.1.
public struct ResourceLink: Equatable, Sendable {
    public struct Attribute: Equatable, Sendable {
        public var name: String
        /// nil for one that stands without a value.
        public var value: String?
        /// Whether the value is quoted when written.
        public var isQuoted: Bool

        public init(_ name: String, _ value: String?, isQuoted: Bool = true) {
            self.name = name
            self.value = value
            self.isQuoted = isQuoted
        }
    }

    /// With the slash in front.
    public var path: String
    public var attributes: [Attribute]

    public init(_ path: String, _ attributes: [Attribute] = []) {
        self.path = path
        self.attributes = attributes
    }

    /// Whether the filter `name=value` selects the link; a `*` at the end of the value stands for anything.
    public func matches(filter: [UInt8]) -> Bool {
        guard let separator = filter.firstIndex(of: UInt8(ascii: "=")) else { return false }
        let name = filter[..<separator]
        var wanted = filter[(separator + 1)...]
        let isPrefix = wanted.last == UInt8(ascii: "*")
        if isPrefix { wanted = wanted.dropLast() }
        if name.elementsEqual("href".utf8) { return Self.matches(Array(path.utf8)[...], wanted, isPrefix) }
        for attribute in attributes where name.elementsEqual(attribute.name.utf8) {
            let value = Array((attribute.value ?? "").utf8)
            // rt, if, rel, ct: a list of values, and one of them has to match (section 3.1, 4.1).
            for part in value.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
            where Self.matches(part, wanted, isPrefix) {
                return true
            }
            if Self.matches(value[...], wanted, isPrefix) { return true }
        }
        return false
    }

    private static func matches(_ value: ArraySlice<UInt8>, _ wanted: ArraySlice<UInt8>, _ isPrefix: Bool) -> Bool {
        isPrefix ? value.starts(with: wanted) : value.elementsEqual(wanted)
    }

    /// The links that every filter selects, in link format.
    public static func encode(_ links: [ResourceLink], filters: [[UInt8]] = []) -> [UInt8] {
        var bytes: [UInt8] = []
        for link in links where filters.allSatisfy({ link.matches(filter: $0) }) {
            if !bytes.isEmpty { bytes.append(UInt8(ascii: ",")) }
            bytes += Array("<".utf8) + Array(link.path.utf8) + Array(">".utf8)
            for attribute in link.attributes {
                bytes += Array(";".utf8) + Array(attribute.name.utf8)
                guard let value = attribute.value else { continue }
                let quote = attribute.isQuoted ? Array("\"".utf8) : []
                bytes += Array("=".utf8) + quote + Array(value.utf8) + quote
            }
        }
        return bytes
    }
}
