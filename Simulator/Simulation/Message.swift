/// What the simulation remembers of a message until its end.
struct MessageState {
    var device: Int32
    /// The datagrams that carried it up, and how often each was repeated.
    var copies: UInt16 = 0
    var isHandshake = false
    var isConfirmed = true
    var created: Int64
    /// In the gateway's journal; for a device without protocols: at the gateway.
    var arrived: Int64 = -1
    var accepted: Int64 = -1
    var inRoom: Int64 = -1
    var hasFailed = false
    /// Somebody wrote it for the device.
    var isSaid = false
}
