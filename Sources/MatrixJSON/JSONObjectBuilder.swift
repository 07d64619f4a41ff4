/// Gathers members and notices keys that come twice, in linear time whatever the input.
struct JSONObjectBuilder {
    /// Up to here comparing with each is cheaper than hashing.
    private static let indexedFrom = 16

    private(set) var members: [JSONObject.Member] = []
    private var index: [ExactString: Int] = [:]

    /// Adds a member, or replaces the value of the one with this key.
    ///
    /// - Returns: whether the key is new.
    mutating func set(_ key: String, _ value: JSONValue) -> Bool {
        if members.count < Self.indexedFrom {
            if let place = members.firstIndex(where: { $0.key.hasSameUTF8(as: key) }) {
                members[place].value = value
                return false
            }
        } else {
            if index.isEmpty {
                for (place, member) in members.enumerated() { index[ExactString(member.key)] = place }
            }
            if let place = index[ExactString(key)] {
                members[place].value = value
                return false
            }
            index[ExactString(key)] = members.count
        }
        members.append(JSONObject.Member(key: key, value: value))
        return true
    }

    var object: JSONObject { JSONObject(distinct: members) }
}
