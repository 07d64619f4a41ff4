import CoAP
import ConformanceSite
import NIOCore
import NIOPosix

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

let usage = """
    Usage: coap-conformance-server --port N [--amplification-limit]

    Serves, over plain UDP on 127.0.0.1 and ::1, the resources that the ETSI test descriptions for CoAP name, and /time.
    Prints `ready` when it does.

      --port N               the UDP port
      --amplification-limit  answers of more than 136 bytes only to clients that have proved their address (RFC 9175)
    """

func fail(_ text: String) -> Never {
    let line = Array("coap-conformance-server: \(text)\n".utf8)
    _ = write(STDERR_FILENO, line, line.count)
    exit(64)
}

var port: Int?
var limitsAmplification = false
var arguments = CommandLine.arguments.dropFirst()
while let argument = arguments.popFirst() {
    switch argument {
    case "--port":
        guard let text = arguments.popFirst(), let number = Int(text), (1...65_535).contains(number) else {
            fail("--port needs a number from 1 to 65535")
        }
        port = number
    case "--amplification-limit": limitsAmplification = true
    case "--help", "-h":
        print(usage)
        exit(0)
    default: fail("unknown argument \(argument) (see --help)")
    }
}
guard let port else { fail("--port is missing (see --help)") }

let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
let loop = group.next()
let unixNanoseconds = Int64(time(nil)) * 1_000_000_000
let now = Int64(NIODeadline.now().uptimeNanoseconds)
var entropy = SystemRandomNumberGenerator()
let server = ConformanceServer<PeerAddress>(
    site: ConformanceSite(now: now, unixNanoseconds: unixNanoseconds), parameters: .rfc7252,
    mint: limitsAmplification ? EchoMint(key0: entropy.next(), key1: entropy.next()) : nil,
    seed: entropy.next(), now: now, bytesOf: \.bytes)
let core = ServerCore(server, loop: loop)

func bind(_ host: String) throws {
    let channel = DatagramBootstrap(group: loop)
        .channelOption(.datagramVectorReadMessageCount, value: 32)
        .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 32 * 2048))
        .channelOption(.socketOption(.so_rcvbuf), value: 4 << 20)
        .channelOption(.maxMessagesPerRead, value: 4)
        .channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(DatagramHandler(core))
            }
        }
        .bind(host: host, port: port)
    _ = try channel.wait()
}

do {
    try bind("127.0.0.1")
} catch {
    fail("cannot bind 127.0.0.1:\(port): \(error)")
}
// A machine without IPv6 has no ::1, and that is no fault.
try? bind("::1")
// Past the buffers of `print`, which a pipe would hold back.
_ = write(STDOUT_FILENO, "ready\n", 6)
while true { pause() }
