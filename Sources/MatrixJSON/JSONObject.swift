/// The members of a JSON object in the order written, each key once.
///
/// Looking up is linear: Matrix objects are small. Building and comparing are not quadratic, since the outside chooses sizes.
public struct JSONObject: Sendable {
    public struct Member: Sendable {
        public var key: String
        public var value: JSONValue

        public init(key: String, value: JSONValue) {
            self.key = key
            self.value = value
        }
    }

    public private(set) var members: [Member]

    public init() {
        members = []
    }

    /// Of members with the same key the last one's value counts, in the first one's place.
    public init(_ members: some Sequence<Member>) {
        var builder = JSONObjectBuilder()
        for member in members { _ = builder.set(member.key, member.value) }
        self.members = builder.members
    }

    /// - Precondition: no key occurs twice.
    init(distinct members: [Member]) {
        self.members = members
    }

    public var count: Int { members.count }

    public var isEmpty: Bool { members.isEmpty }

    public subscript(key: String) -> JSONValue? {
        get {
            index(of: key).map { members[$0].value }
        }
        set {
            switch (index(of: key), newValue) {
            case (let index?, let value?): members[index].value = value
            case (let index?, nil): members.remove(at: index)
            case (nil, let value?): members.append(Member(key: key, value: value))
            case (nil, nil): break
            }
        }
    }

    private func index(of key: String) -> Int? {
        members.firstIndex { $0.key.hasSameUTF8(as: key) }
    }
}

extension JSONObject: Equatable {
    /// Irrespective of order.
    public static func == (left: JSONObject, right: JSONObject) -> Bool {
        guard left.count == right.count else { return false }
        var index: [ExactString: JSONValue] = [:]
        for (mine, theirs) in zip(left.members, right.members) where !mine.key.hasSameUTF8(as: theirs.key) {
            // Only where the order differs is an index worth its making.
            for member in right.members { index[ExactString(member.key)] = member.value }
            return left.members.allSatisfy { index[ExactString($0.key)] == $0.value }
        }
        return zip(left.members, right.members).allSatisfy { $0.value == $1.value }
    }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        self.init(elements.lazy.map { Member(key: $0.0, value: $0.1) })
    }
}
