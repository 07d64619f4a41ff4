/// What the gateway wants done, in this order: the writes as one transaction, then, only if that succeeded, the rest.
public struct Actions: Sendable {
    public struct Datagram: Equatable, Sendable {
        public var bytes: [UInt8]
        public var to: PeerAddress
        /// The device endpoint's message whose timer starts when this has left; nil: none.
        public var isRepetition = false
    }

    public struct Call: Sendable {
        /// Comes back with the reply.
        public var id: UInt64
        public var call: HomeserverCall
    }

    /// Something that the operator should know.
    public struct Notice: Equatable, Sendable {
        public enum Level: Sendable { case info, warning, error }

        public var level: Level
        public var text: String
        public var device: String?
    }

    /// More of a device's queued messages, to be handed to `fetched` before the gateway is given anything else.
    public struct Fetch: Equatable, Sendable {
        public var device: UInt32
        /// Those with a higher id, in the order of their ids.
        public var after: Int64
        public var most: Int
    }

    public var writes: [StoreWrite] = []
    public var datagrams: [Datagram] = []
    public var calls: [Call] = []
    public var notices: [Notice] = []
    /// To be read when the writes are made.
    public var fetches: [Fetch] = []

    public init() {}

    public var isEmpty: Bool {
        writes.isEmpty && datagrams.isEmpty && calls.isEmpty && notices.isEmpty && fetches.isEmpty
    }
}
