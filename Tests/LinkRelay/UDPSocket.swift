import Glibc

/// A UDP socket on 127.0.0.1, as a device or a gateway has one.
final class UDPSocket {
    struct Datagram: Equatable {
        var bytes: [UInt8]
        var port: Int
        /// Of the monotonic clock, nanoseconds.
        var time: Int64
    }

    private let descriptor: Int32
    let port: Int

    init() throws {
        let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        self.descriptor = descriptor
        var address = Self.address(0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutableBytes(of: &address) { raw in
            raw.withMemoryRebound(to: sockaddr.self) { pointer -> Bool in
                guard let base = pointer.baseAddress else { return false }
                return bind(descriptor, base, length) == 0 && getsockname(descriptor, base, &length) == 0
            }
        }
        port = Int(UInt16(bigEndian: address.sin_port))
        guard isBound else { throw Failure(number: errno) }
    }

    deinit { close(descriptor) }

    struct Failure: Error {
        var number: Int32
    }

    func send(_ bytes: [UInt8], to port: Int) {
        var address = Self.address(port)
        withUnsafeMutableBytes(of: &address) { raw in
            raw.withMemoryRebound(to: sockaddr.self) { pointer in
                _ = sendto(
                    descriptor, bytes, bytes.count, 0, pointer.baseAddress, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    /// nil: nothing came within `milliseconds`.
    func receive(milliseconds: Int32 = 5000) -> Datagram? {
        var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&poller, 1, milliseconds) == 1 else { return nil }
        var buffer = [UInt8](repeating: 0, count: 65_536)
        var address = Self.address(0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let count = withUnsafeMutableBytes(of: &address) { raw in
            raw.withMemoryRebound(to: sockaddr.self) { pointer in
                recvfrom(descriptor, &buffer, buffer.count, 0, pointer.baseAddress, &length)
            }
        }
        guard count >= 0 else { return nil }
        return Datagram(
            bytes: Array(buffer.prefix(count)), port: Int(UInt16(bigEndian: address.sin_port)), time: Self.now)
    }

    static var now: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    private static func address(_ port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }
}
