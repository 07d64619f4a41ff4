/// Something in a scenario that cannot work, found before it runs.
public struct ScenarioProblem: Error, Equatable, CustomStringConvertible {
    /// The device group that it is about.
    public var group: String
    /// Where the group stands in the scenario's file; nil: it is from none.
    public var line: Int?
    public var text: String

    public init(_ group: DeviceGroup, _ text: String) {
        self.group = group.name
        line = group.line
        self.text = text
    }

    public var description: String { "\(group): \(text)" }
}
