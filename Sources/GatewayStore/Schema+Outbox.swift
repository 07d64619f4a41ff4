extension Schema {
    /// The outbox is read a device at a time, from its oldest message on, and never as a whole.
    static let outboxStep = "CREATE INDEX uplink_waiting ON uplink (device, id) WHERE refusal IS NULL;"
}
