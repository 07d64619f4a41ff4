import Foundation
import Glibc

/// A process that plays the other side of a handshake: noise_peer.py in the environment that Scripts/setup makes.
final class NoisePeer {
    struct Task: Encodable {
        var name: String
        var role: String
        var prologue: String
        var psks: [String]
        var `static`: String
        var remoteStatic: String
        var payloads: [String]
        var port: UInt16
    }

    struct Report: Decodable {
        var hash: String
        var payloads: [String]
        var frames: [String]
    }

    enum Failure: Error {
        case noSocket, timeout, ended
    }

    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    private static let python = folder.deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent(".build/venv/bin/python").path

    /// Whether Scripts/setup has made the environment. One that lacks the package is a failure, not a reason to skip.
    static var isInstalled: Bool { FileManager.default.fileExists(atPath: python) }

    /// In milliseconds, for each datagram and each line.
    private static var patience: Int32 { 20_000 }

    private let udp: Int32
    private let process = Process()
    private let output = Pipe()
    private var pendingOutput: [UInt8] = []
    private var peerPort: UInt16 = 0

    /// Starts the peer; `task.port` is filled in here.
    init(_ task: Task) throws {
        udp = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        guard udp >= 0 else { throw Failure.noSocket }
        var task = task
        task.port = try Self.bindToLoopback(udp)
        process.executableURL = URL(fileURLWithPath: Self.python)
        process.arguments = [
            Self.folder.appendingPathComponent("noise_peer.py").path,
            String(decoding: try JSONEncoder().encode(task), as: UTF8.self),
        ]
        process.standardOutput = output
        try process.run()
        peerPort = UInt16(try line()) ?? 0
    }

    deinit {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        close(udp)
    }

    func send(_ datagram: [UInt8]) throws {
        var address = Self.loopback(port: peerPort)
        let sent = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(udp, datagram, datagram.count, 0, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard sent == datagram.count else { throw Failure.noSocket }
    }

    /// The next datagram of the peer.
    func receive() throws -> [UInt8] {
        while true {
            try Self.wait(for: udp)
            var buffer = [UInt8](repeating: 0, count: 65_536)
            var source = sockaddr_in()
            var sourceLength = socklen_t(MemoryLayout<sockaddr_in>.size)
            let count = withUnsafeMutablePointer(to: &source) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    recvfrom(udp, &buffer, buffer.count, 0, $0, &sourceLength)
                }
            }
            guard count >= 0 else { throw Failure.noSocket }
            if source.sin_port == peerPort.bigEndian { return Array(buffer[0..<count]) }
        }
    }

    /// What the peer saw; it has ended then.
    func report() throws -> Report {
        try JSONDecoder().decode(Report.self, from: Data(try line().utf8))
    }

    private func line() throws -> String {
        let handle = output.fileHandleForReading.fileDescriptor
        while true {
            if let end = pendingOutput.firstIndex(of: UInt8(ascii: "\n")) {
                defer { pendingOutput.removeSubrange(0...end) }
                return String(decoding: pendingOutput[0..<end], as: UTF8.self)
            }
            try Self.wait(for: handle)
            var buffer = [UInt8](repeating: 0, count: 4096)
            let count = read(handle, &buffer, buffer.count)
            guard count > 0 else { throw Failure.ended }
            pendingOutput += buffer[0..<count]
        }
    }

    private static func wait(for handle: Int32) throws {
        var entry = pollfd(fd: handle, events: Int16(POLLIN), revents: 0)
        guard poll(&entry, 1, patience) > 0 else { throw Failure.timeout }
    }

    private static func loopback(port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr = in_addr(s_addr: UInt32(0x7F00_0001).bigEndian)
        return address
    }

    private static func bindToLoopback(_ udp: Int32) throws -> UInt16 {
        var address = loopback(port: 0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(udp, $0, length) == 0 && getsockname(udp, $0, &length) == 0
            }
        }
        guard isBound else { throw Failure.noSocket }
        return UInt16(bigEndian: address.sin_port)
    }
}
