import Foundation
import TestSupport
import Testing

@testable import MatrixJSON

@Suite("Compact requests")
struct CompactRequestTests {
    private func isSame(_ method: String, _ target: String, body: JSONValue? = nil) -> Bool {
        let request = CompactRequest(method: method, target: target, body: body)
        return (try? CompactRequest(decoding: request.encoded())) == request
            && (try? CompactRequest(decoding: request.encoded(compresses: false))) == request
    }

    private func size(_ method: String, _ target: String) -> Int {
        CompactRequest(method: method, target: target).encoded(compresses: false).count - 1
    }

    @Test("every endpoint of the table is one number, and comes back in every version")
    func endpoints() {
        for number in 0..<CompactTables.endpoints.count {
            guard let endpoint = CompactTables.endpoints[UInt64(number)] else { continue }
            for version in Endpoint.versions {
                var count = 0
                let path = endpoint.parts.map { part -> String in
                    switch part {
                    case .literal(let literal): return literal
                    case .version: return version
                    case .variable:
                        count += 1
                        return "x\(count)"
                    }
                }
                let target = "/" + path.joined(separator: "/")
                #expect(isSame(endpoint.method, target), "\(endpoint.method) \(target)")
                // Number, a byte for another version, three bytes a variable.
                #expect(size(endpoint.method, target) <= 3 + 3 * count, "\(endpoint.method) \(target)")
            }
        }
        #expect(CompactTables.endpoints.count > 200)
    }

    @Test("versions cost no byte or one")
    func versions() {
        let usual = size("GET", "/_matrix/client/v3/sync")
        #expect(usual == 1)
        #expect(size("GET", "/_matrix/client/r0/sync") == usual + 1)
        #expect(size("GET", "/_matrix/client/v1/sync") == usual + 1)
    }

    @Test("every captured and every measured request comes back byte for byte")
    func captured() throws {
        var inFull: [String] = []
        for exchange in try FixtureFiles.homeserver() + FixtureFiles.measured() {
            let body = exchange.request.isNull ? nil : exchange.request
            #expect(isSame(exchange.method, exchange.target, body: body), "\(exchange.name)")
            if RequestTarget(method: exchange.method, target: exchange.target).form == .text {
                inFull.append(exchange.target.split(separator: "?").first.map(String.init) ?? "")
            }
        }
        // Unstable ones, one that does not exist, one that a browser asks.
        #expect(inFull.count < 40, "\(inFull)")
    }

    static let odd: [(String, String)] = [
        ("GET", "/_matrix/client/unstable/org.matrix.msc4140/delayed_events"), ("OPTIONS", "/_matrix/client/v3/sync"),
        ("PROPFIND", "/x"), ("", ""), ("GET", ""), ("GET", "/"), ("GET", "//"), ("GET", "/_matrix"), ("GET", "sync"),
        ("GET", "/_matrix/client/v3/sync?"), ("GET", "/_matrix/client/v3/sync?since"),
        ("GET", "/_matrix/client/v3/sync?&"),
        ("GET", "/_matrix/client/v3/sync?a=1&a=2&=&b="), ("GET", "/_matrix/client/v3/sync?filter=%7B%22a%22%3A1%7D"),
        ("GET", "/_matrix/client/v3/sync?filter={\"a\":1}"), ("GET", "/_matrix/client/v3/sync?q=a+b&x=%2B"),
        ("GET", "/_matrix/client/v3/sync?q=%zz"), ("GET", "/_matrix/client/v3/sync?q=%F"), ("GET", "/%FF/%fe"),
        ("GET", "/_matrix/client/v3/sync?timeout=030000&since=s12_3_0"), ("GET", "/_matrix/client/v4/sync"),
        ("PUT", "/_matrix/client/v3/rooms/!a:b/send/m.room.message/%e2%82%ac"),
        ("PUT", "/_matrix/client/v3/rooms/!a:b/send/m.room.message/%E2%82%AC"),
        ("PUT", "/_matrix/client/v3/rooms/%21a%3Ab/send/m.room.message/t"),
        ("PUT", "/_matrix/client/v3/rooms/!a%3Ab/send/m.room.message/t"),
        ("PUT", "/_matrix/client/v3/rooms/%21a:b/send/m.room.message/t"),
        ("PUT", "/_matrix/client/v3/rooms//send/m.room.message/t"), ("GET", "/_matrix/client/v3/sync/"),
        ("PUT", "/_matrix/client/v3/rooms/a%2Fb/state/m.room.name/"), ("PUT", "/_matrix/client/v3/rooms/a/state/t/%2F"),
        ("GET", "/_matrix/client/v3/profile/%40a%3Ab/%64isplayname"), ("GET", "/_matrix/client/v3/sync#x"),
        ("GET", "/_matrix/federation/v1/query/profile?user_id=%40a%3Ab&field=displayname"),
    ]

    @Test("odd targets come back as they are", arguments: odd)
    func oddTargets(method: String, target: String) {
        #expect(isSame(method, target))
    }

    @Test("three spellings of the same path all have their number")
    func spellings() {
        for room in ["!a:b", "!a%3Ab", "%21a%3Ab"] {
            #expect(size("PUT", "/_matrix/client/v3/rooms/\(room)/send/m.room.message/t") <= 10)
        }
    }

    @Test("passwords, tokens and keys stand alone, messages do not, and what is unknown does")
    func context() {
        let alone = [
            ("POST", "/_matrix/client/v3/login"), ("POST", "/_matrix/client/r0/register"),
            ("POST", "/_matrix/client/v3/account/password"), ("POST", "/_matrix/client/v3/keys/upload"),
            ("PUT", "/_matrix/client/v3/sendToDevice/m.room.encrypted/1"), ("POST", "/_matrix/client/v3/refresh"),
            ("PUT", "/_matrix/client/v3/user/@a:b/account_data/m.direct"), ("GET", "/unknown"),
            ("PUT", "/_matrix/client/v3/room_keys/keys"), ("POST", "/_matrix/client/v1/login/get_token"),
            ("POST", "/_matrix/client/v3/user/@a:b/openid/request_token"),
            ("POST", "/_matrix/client/v3/keys/device_signing/upload"),
        ]
        for (method, target) in alone { #expect(CompactRequest(method: method, target: target).isAlone, "\(target)") }
        let shared = [
            ("PUT", "/_matrix/client/v3/rooms/!a:b/send/m.room.message/1"),
            ("GET", "/_matrix/client/v3/rooms/!a:b/messages"),
            ("PUT", "/_matrix/federation/v1/send/1"),
        ]
        for (method, target) in shared { #expect(!CompactRequest(method: method, target: target).isAlone, "\(target)") }
    }

    @Test("damaged requests do no harm")
    func damaged() throws {
        var random = SplitMix64(seed: 73)
        var read = 0
        for exchange in try FixtureFiles.measured() {
            let whole = CompactRequest(method: exchange.method, target: exchange.target, body: exchange.request)
            for compresses in [false, true] {
                let encoded = whole.encoded(compresses: compresses)
                for _ in 0..<200 {
                    var bytes = encoded
                    for _ in 0...random.below(3) { bytes[random.below(bytes.count)] = random.byte() }
                    if random.chance(30) { bytes = Array(bytes.prefix(random.below(bytes.count))) }
                    guard let request = try? CompactRequest(decoding: bytes) else { continue }
                    read += 1
                    #expect((try? CompactRequest(decoding: request.encoded())) == request)
                }
            }
        }
        #expect(read > 100)
    }
}
