/// What one check found.
struct Finding: Encodable {
    enum State: String, Encodable {
        case ok
        /// Worth knowing; nothing has to be done.
        case note
        case wrong
    }

    /// The check's name; it stays as it is.
    var check: String
    var state: State
    var text: String
    /// What to do.
    var remedy: String?

    static func ok(_ check: String, _ text: String) -> Finding {
        Finding(check: check, state: .ok, text: text)
    }

    static func note(_ check: String, _ text: String, _ remedy: String? = nil) -> Finding {
        Finding(check: check, state: .note, text: text, remedy: remedy)
    }

    static func wrong(_ check: String, _ text: String, _ remedy: String) -> Finding {
        Finding(check: check, state: .wrong, text: text, remedy: remedy)
    }
}
