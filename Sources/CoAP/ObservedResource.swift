/// The client's side of an observation whose states may be longer than a message: a notification holds the first block, and
/// the rest is fetched by requests of its own (RFC 7959 section 2.6). States that arrive out of order are left out, and
/// a newer one ends the fetching of the one before (RFC 7641 section 3.4).
public struct ObservedResource: Sendable {
    public enum Step: Equatable, Sendable {
        /// A newer state, whole.
        case state(Response)
        /// To be sent under a token of its own, for the rest of the newest state: its answer goes to `receive(part:)`. What
        /// was being fetched before is of no use any more.
        case fetch(Request)
        /// Nothing newer.
        case nothing
        /// The rest could not be had; the next notification begins anew.
        case failed(BlockwiseTransfer.Failure)
    }

    private let request: Request
    private let exponent: UInt8
    private let mostBytes: Int
    private var order = NotificationOrder()
    private var transfer: BlockwiseTransfer?

    /// - Parameters:
    ///   - request: the one that registers, with its Observe option or without.
    ///   - exponent: of the largest block that we would like.
    ///   - mostBytes: that a state may have.
    public init(_ request: Request, exponent: UInt8 = 6, mostBytes: Int = 65_536) {
        self.request = request
        self.exponent = exponent
        self.mostBytes = mostBytes
    }

    /// When to register anew if nothing came (RFC 7641 section 3.3.1); nil before the first state.
    ///
    /// - Parameter draw: any number that differs from client to client.
    public func renewAt(draw: UInt64) -> Int64? { order.renewAt(draw: draw) }

    /// It has been registered anew (`Endpoint.renew`): whatever state comes next counts, since a server that had lost the
    /// observation numbers from the beginning.
    public mutating func startAnew() { order.startAnew() }

    /// A notification has come, the answer to the registration included.
    public mutating func receive(notification: Response, now: Int64) -> Step {
        guard order.takesPlace(notification, now: now) else { return .nothing }
        transfer = BlockwiseTransfer(request, exponent: exponent, mostBytes: mostBytes)
        return receive(part: notification)
    }

    /// The answer to a request of `fetch` has come.
    public mutating func receive(part: Response) -> Step {
        guard var fetching = transfer else { return .nothing }
        let step = fetching.receive(part)
        transfer = nil
        switch step {
        case .send(let next):
            transfer = fetching
            return .fetch(next)
        case .done(let whole):
            return .state(whole)
        case .failed(let failure):
            return .failed(failure)
        }
    }
}
