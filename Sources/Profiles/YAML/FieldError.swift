/// What is wrong in a file that a person wrote: where, in which field, and what is allowed.
public struct FieldError: Error, Equatable, CustomStringConvertible {
    public var file: String
    /// From 1; nil where it is about the file as a whole.
    public var line: Int?
    /// `homeserver.url`; nil where no field is concerned.
    public var field: String?
    /// What is wrong with it, its value, and what is allowed.
    public var problem: String

    public init(file: String, line: Int? = nil, field: String? = nil, problem: String) {
        self.file = file
        self.line = line
        self.field = field
        self.problem = problem
    }

    /// `sotto.yaml:12: homeserver.url: is missing`.
    public var description: String {
        file + (line.map { ":\($0)" } ?? "") + ": " + (field.map { "\($0): " } ?? "") + problem
    }
}
