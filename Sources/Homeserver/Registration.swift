/// What the homeserver has to know of the application service (application service API, "Registration").
public struct Registration: Sendable {
    public var id: String
    public var url: String
    public var asToken: String
    public var hsToken: String
    public var senderLocalpart: String
    public var userPrefix: String
    public var serverName: String

    public init(
        id: String, url: String, asToken: String, hsToken: String, senderLocalpart: String, userPrefix: String,
        serverName: String
    ) {
        self.id = id
        self.url = url
        self.asToken = asToken
        self.hsToken = hsToken
        self.senderLocalpart = senderLocalpart
        self.userPrefix = userPrefix
        self.serverName = serverName
    }

    public var yaml: String {
        """
        id: \(quoted(id))
        url: \(quoted(url))
        as_token: \(quoted(asToken))
        hs_token: \(quoted(hsToken))
        sender_localpart: \(quoted(senderLocalpart))
        rate_limited: false
        receive_ephemeral: false
        namespaces:
          users:
            - exclusive: true
              regex: \(quoted("@" + escaped(userPrefix) + ".*:" + escaped(serverName)))
          aliases: []
          rooms: []

        """
    }

    /// 256 bits as 64 hexadecimal digits.
    public static func randomToken() -> String {
        var generator = SystemRandomNumberGenerator()
        return (0..<32).map { _ in
            let byte = UInt8.random(in: 0...255, using: &generator)
            return (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
        .joined()
    }

    /// A single-quoted YAML scalar.
    private func quoted(_ text: String) -> String {
        "'" + text.replacing("'", with: "''") + "'"
    }

    /// A text that a regular expression takes literally.
    private func escaped(_ text: String) -> String {
        text.reduce(into: "") { result, character in
            if ".\\+*?[^]$(){}=!<>|:-#/".contains(character) { result.append("\\") }
            result.append(character)
        }
    }
}
