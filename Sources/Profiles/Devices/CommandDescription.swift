public import CompactMatrix

/// What people may tell the device to do: `!DEVICE VERB KEY=VALUE`.
public struct CommandDescription: Sendable {
    public struct Argument: Sendable {
        public var name: String
        public var unit: String
        public var least: DecimalNumber?
        public var most: DecimalNumber?
        /// Where only some words are allowed.
        public var values: [String]
        public var isRequired: Bool
    }

    /// How it is written in the room.
    public enum Form: String, CaseIterable, Sendable { case text, reply, reaction }

    public var verb: String
    public var description: String?
    public var form: Form
    public var arguments: [Argument]
    /// Whether the device says that it has done it, besides that it has it.
    public var isAcknowledgedExplicitly: Bool
    /// Afterwards it is not sent any more; nanoseconds.
    public var expiry: Int64?
    /// Of whoever gives it.
    public var powerLevel: Int
    /// Of this command waiting for the device.
    public var mostQueued: Int

    static func read(_ item: YAMLSection) throws(FieldError) -> CommandDescription {
        let verb = try item.required("verb", "the word behind !DEVICE")
        guard verb.utf8.count <= 64, !verb.contains(where: { $0.isWhitespace || $0 == "=" }) else {
            throw item.failure("verb", "\(item.shown(verb)): one word without = is expected, at most 64 bytes")
        }
        var arguments: [Argument] = []
        for argument in try item.sections("arguments") {
            let name = try argument.required("name", "what stands before =")
            guard !arguments.contains(where: { $0.name == name }) else {
                throw argument.failure("name", "\(item.shown(name)) is the name of another argument too")
            }
            arguments.append(
                Argument(
                    name: name, unit: try argument.string("unit") ?? "",
                    least: try DeviceProfile.Payload.decimal(argument, "min"),
                    most: try DeviceProfile.Payload.decimal(argument, "max"),
                    values: try argument.strings("values") ?? [],
                    isRequired: try argument.bool("required") ?? true))
            try argument.finish()
        }
        let command = CommandDescription(
            verb: verb, description: try item.string("description")?.trimmedLine,
            form: try item.choice("form", Form.allCases.map { ($0.rawValue, $0) }) ?? .text, arguments: arguments,
            isAcknowledgedExplicitly: try item.choice("acknowledged", [("implicit", false), ("explicit", true)])
                ?? false,
            expiry: try item.seconds("expires_s", 1...31_536_000),
            powerLevel: Int(try item.integer("power_level", -1_000_000...1_000_000) ?? 50),
            mostQueued: Int(try item.integer("most_queued", 1...64) ?? 64))
        try item.finish()
        return command
    }
}
