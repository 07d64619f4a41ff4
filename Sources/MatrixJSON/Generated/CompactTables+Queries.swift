// Made by Scripts/generate-tables from Tables/sotto-queries-1.tsv: change that file and run the script again.

extension CompactTables {
    /// The place is the number.
    static let queryNames: [String] = [
        "access_token", "user_id", "timeout", "since", "filter", "set_presence", "full_state", "from", "to", "dir",
        "limit", "at", "membership", "not_membership", "via", "server_name", "ts", "device_id", "use_state_after",
        "width", "height", "method", "animated", "allow_remote", "timeout_ms", "url", "q", "query_type", "field",
        "room_alias", "max_depth", "suggested_only", "recurse", "include", "kind", "org.matrix.msc4140.delay",
        "org.matrix.msc3202.device_id", "key_id", "minimum_valid_until_ts", "event", "v", "ver", "origin",
        "omit_members", "room_id", "event_id", "order_by", "format", "only",
    ]
}
