/// Sotto's own tables, version 1; the data stands in Tables/*.tsv.
enum CompactTables {
    static let version = 1

    static let keys = StringTable(keyNames)
    static let values = StringTable(valueStrings)
    static let queries = StringTable(queryNames)
    static let endpoints = EndpointTable(endpointLines.map(Endpoint.init(line:)))

    /// Values under these keys open doors. They never go through a compressor, whose output's length would tell of them
    /// to whoever can put text of his own into the same message.
    static let secrets = StringTable([
        "access_token", "refresh_token", "password", "new_password", "token", "login_token", "session", "client_secret",
        "sid", "secret", "session_key", "auth_token", "registration_shared_secret", "recovery_key",
    ])
}
