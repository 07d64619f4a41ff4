/// Something in a scenario that cannot work, found before it runs.
public struct ScenarioProblem: Error, Equatable, CustomStringConvertible {
    /// The device group that it is about.
    public var group: String
    public var text: String

    public init(group: String, _ text: String) {
        self.group = group
        self.text = text
    }

    public var description: String { "\(group): \(text)" }
}
