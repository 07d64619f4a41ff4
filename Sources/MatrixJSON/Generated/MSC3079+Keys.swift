// Made by Scripts/generate-tables from Tables/msc3079-keys-1.tsv: change that file and run the script again.

extension MSC3079 {
    /// The first one has number 1.
    static let keyNames: [String] = [
        "event_id", "type", "content", "state_key", "room_id", "sender", "user_id", "origin_server_ts", "unsigned",
        "prev_content", "state", "timeline", "events", "limited", "prev_batch", "transaction_id", "age",
        "redacted_because", "next_batch", "presence", "avatar_url", "account_data", "rooms", "join", "membership",
        "displayname", "body", "msgtype", "format", "formatted_body", "ephemeral", "invite_state", "leave",
        "third_party_invite", "is_direct", "hashes", "signatures", "depth", "prev_events", "prev_state", "auth_events",
        "origin", "creator", "join_rule", "history_visibility", "ban", "events_default", "kick", "redact",
        "state_default", "users", "users_default", "reason", "visibility", "room_alias_name", "name", "topic",
        "invite", "invite_3pid", "room_version", "creation_content", "initial_state", "preset", "servers",
        "identifier", "user", "medium", "address", "password", "token", "device_id", "initial_device_display_name",
        "access_token", "home_server", "well_known", "base_url", "device_lists", "to_device", "peek", "last_seen_ip",
        "display_name", "typing", "last_seen_ts", "algorithm", "sender_key", "session_id", "ciphertext",
        "one_time_keys", "timeout", "recent_rooms", "chunk", "m.fully_read", "device_keys", "failures",
        "device_display_name", "prev_sender", "replaces_state", "changed", "unstable_features", "versions", "devices",
        "errcode", "error", "room_alias",
    ]
}
