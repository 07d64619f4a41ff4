import CoAP
import ConformanceSite
import Glibc

// What a hundred thousand peers cost that have each asked once and are idle: resident memory, before and after.
let count = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 100_000

func residentBytes() -> Int {
    guard let file = fopen("/proc/self/statm", "r") else { return 0 }
    defer { fclose(file) }
    var buffer = [CChar](repeating: 0, count: 256)
    guard fgets(&buffer, 256, file) != nil else { return 0 }
    let fields = String(cString: buffer).split(separator: " ")
    return (fields.count > 1 ? Int(fields[1]) ?? 0 : 0) * Int(sysconf(Int32(_SC_PAGESIZE)))
}

struct Address: Hashable, Sendable {
    var high: UInt64
    var low: UInt64
    var port: UInt16
}

func server() -> ConformanceServer<Address> {
    ConformanceServer(
        site: ConformanceSite(now: 0, unixNanoseconds: 0), parameters: .rfc7252, seed: 1, now: 0, bytesOf: { _ in [] })
}

func ask(_ server: inout ConformanceServer<Address>, peers: Range<Int>) {
    var request: [UInt8] = [0x44, 1, 0, 0, 1, 2, 3, 4, 0xB4] + Array("time".utf8)
    for peer in peers {
        request[2] = UInt8(peer >> 8 & 0xFF)
        request[3] = UInt8(peer & 0xFF)
        _ = server.receive(request, from: Address(high: 0, low: UInt64(peer), port: 5683), now: 1)
        server.outgoing.removeAll(keepingCapacity: true)
    }
}

var warm = server()
ask(&warm, peers: 0..<1_000)
var measured = server()
let before = residentBytes()
ask(&measured, peers: 0..<count)
let after = residentBytes()
print(measured.peerCount, Double(after - before) / Double(count))
