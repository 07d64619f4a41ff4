internal import Foundation
internal import GatewayCore
internal import NIOCore

/// The clocks of this machine.
enum Clock {
    /// Nanoseconds that never jump.
    static var monotonic: Int64 { Int64(clamping: NIODeadline.now().uptimeNanoseconds) }

    static var unixMilliseconds: Int64 { Int64(Date().timeIntervalSince1970 * 1000) }

    static var now: Moment { Moment(monotonic: monotonic, unixMilliseconds: unixMilliseconds) }
}
