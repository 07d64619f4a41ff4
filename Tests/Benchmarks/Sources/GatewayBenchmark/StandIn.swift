import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A homeserver as far as a gateway needs one, and as fast as one can be: it says yes to everything and counts.
final class StandIn: Sendable {
    struct Seen: Sendable {
        var joins = 0
        /// Events, by the hash of their transaction ids: a repeated one is none.
        var transactions: Set<UInt64> = []
        var repeated = 0
        /// It answers 503 to everything.
        var isAway = false
    }

    private let channel: any Channel
    private let seen = Mutex(Seen())

    var port: Int { channel.localAddress?.port ?? 0 }
    var joins: Int { seen.withLock { $0.joins } }
    var events: Int { seen.withLock { $0.transactions.count } }
    var repeated: Int { seen.withLock { $0.repeated } }

    func setAway(_ isAway: Bool) { seen.withLock { $0.isAway = isAway } }

    init(group: any EventLoopGroup) throws {
        let box = Box()
        channel = try ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline(withPipeliningAssistance: false)
                    try channel.pipeline.syncOperations.addHandler(Conversation(box))
                }
            }
            .bind(host: "127.0.0.1", port: 0).wait()
        box.standIn.withLock { $0 = self }
    }

    fileprivate final class Box: Sendable {
        let standIn = Mutex<StandIn?>(nil)
    }

    fileprivate func answer(_ head: HTTPRequestHead, _ body: String) -> (HTTPResponseStatus, String) {
        let path = head.uri.prefix { $0 != "?" }
        let parts = path.split(separator: "/")
        return seen.withLock { seen in
            guard !seen.isAway else { return (.serviceUnavailable, "<html>away</html>") }
            switch (head.method, parts.count > 3 ? parts[3] : "") {
            case (.PUT, "rooms"):
                let id = Self.hash(parts.last ?? "")
                if !seen.transactions.insert(id).inserted { seen.repeated += 1 }
                return (.ok, "{\"event_id\":\"$\(id)\"}")
            case (.POST, "register"):
                return (.ok, "{\"user_id\":\"@\(Self.value(of: "username", in: body)):bench.example\"}")
            case (.POST, "join"):
                seen.joins += 1
                let room = parts[4].replacing("%21", with: "!").replacing("%3A", with: ":")
                return (.ok, "{\"room_id\":\"\(room)\"}")
            case (.GET, "rooms"):
                return (.ok, "[]")
            default:
                return (.ok, "{}")
            }
        }
    }

    private static func hash(_ text: Substring) -> UInt64 {
        text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }

    private static func value(of key: String, in body: String) -> Substring {
        let after = body.firstRange(of: "\"\(key)\":\"").map { body[$0.upperBound...] } ?? ""
        return after.prefix { $0 != "\"" }
    }
}

private final class Conversation: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let box: StandIn.Box
    private var head: HTTPRequestHead?
    private var body = ""

    init(_ box: StandIn.Box) { self.box = box }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            body = ""
        case .body(let bytes):
            // What is sent need not be looked at.
            if head?.method == .POST { body += String(buffer: bytes) }
        case .end:
            guard let head, let standIn = box.standIn.withLock({ $0 }) else { return }
            let (status, text) = standIn.answer(head, body)
            let buffer = context.channel.allocator.buffer(string: text)
            let headers: HTTPHeaders = [
                "Content-Type": "application/json", "Content-Length": "\(buffer.readableBytes)",
            ]
            context.write(
                wrapOutboundOut(.head(.init(version: .http1_1, status: status, headers: headers))), promise: nil)
            context.write(wrapOutboundOut(.body(.byteBuffer(buffer))), promise: nil)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }
    }
}
