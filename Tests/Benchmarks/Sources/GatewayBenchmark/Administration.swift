import Foundation
import NoiseSodium
import SecureDatagram

/// The gateway's socket for commands.
final class Administration {
    private let descriptor: Int32

    init(_ path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        guard path.utf8.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw Problem("\(path) is too long")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else { throw Problem("\(path): \(String(cString: strerror(errno)))") }
    }

    deinit { close(descriptor) }

    func ask(_ request: [String: Any]) throws -> [String: Any] {
        let body = try JSONSerialization.data(withJSONObject: request)
        let head =
            "POST / HTTP/1.1\r\nHost: sotto\r\nContent-Type: application/json\r\nContent-Length: \(body.count)\r\n\r\n"
        let all = Array(Data(head.utf8) + body)
        guard write(descriptor, all, all.count) == all.count else { throw Problem("the gateway's socket closed") }
        var received = Data()
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            guard count > 0 else { throw Problem("the gateway's socket closed") }
            received.append(contentsOf: chunk.prefix(count))
            guard let end = received.firstRange(of: Data("\r\n\r\n".utf8)) else { continue }
            let head = String(decoding: received[..<end.lowerBound], as: UTF8.self).lowercased()
            guard let length = head.firstRange(of: "content-length: ") else { throw Problem("no length: \(head)") }
            let wanted = Int(head[length.upperBound...].prefix { $0.isNumber }) ?? 0
            guard received.count - end.upperBound >= wanted else { continue }
            let answer = try JSONSerialization.jsonObject(with: received[end.upperBound...]) as? [String: Any]
            guard let answer else { throw Problem("no object") }
            if let problem = answer["problem"] as? [String: Any] { throw Problem("\(problem)") }
            return answer
        }
    }

    /// Adds a device with a session of its own.
    func provision(_ name: String, room: String) throws -> LoadDevice {
        let answer = try ask(["provision": ["name": name, "room": room]])
        guard let text = answer["session"] as? String, let bytes = Data(base64Encoded: text),
            let session = Session<WireSuite>(decoding: [UInt8](bytes))
        else { throw Problem("no session in \(answer)") }
        return LoadDevice(session)
    }
}
