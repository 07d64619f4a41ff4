internal import CClock
internal import Foundation
internal import GatewayCore
internal import NIOCore

/// The clocks of this machine.
enum Clock {
    /// Nanoseconds that never jump.
    static var monotonic: Int64 { Int64(clamping: NIODeadline.now().uptimeNanoseconds) }

    static var unixMilliseconds: Int64 { Int64(Date().timeIntervalSince1970 * 1000) }

    /// Whether the kernel's clock was set by the network since it was switched on. Many small machines have no battery.
    static var isSynchronised: Bool {
        var state = timex()
        return adjtimex(&state) != TIME_ERROR
    }

    static var now: Moment { Moment(monotonic: monotonic, unixMilliseconds: unixMilliseconds) }
}
