internal import Foundation
internal import GatewayCore

/// What `queue --json` shows. Keys stay as they are; new ones may be added.
struct QueueSummary: Codable, Sendable {
    struct Device: Codable, Sendable {
        var name: String
        var number: UInt32
        var room: String
        var state: String
        /// Accepted and on their way to the room, or held.
        var queued: Int
        /// When the oldest of them was accepted.
        var oldest: String?
        /// Waiting for the device.
        var waiting: Int
    }

    /// Of all devices.
    var queued: Int
    var waiting: Int
    /// Messages a second, within the last minute; absent where no gateway runs.
    var acceptedPerSecond: Double?
    var deliveredPerSecond: Double?
    /// At these rates; absent where the queue does not get shorter.
    var secondsToCatchUp: Int?
    var homeserverProblem: String?
    /// Those that have something queued or waiting.
    var devices: [Device]

    /// - Parameter isRunning: whether the gateway has lived long enough to have rates.
    init(_ gateway: WireGateway, isRunning: Bool, now: Moment) {
        let outlook = gateway.outlook(now: now)
        queued = outlook.queued
        waiting = gateway.totals.waiting
        if isRunning {
            acceptedPerSecond = (outlook.acceptedPerSecond * 10).rounded() / 10
            deliveredPerSecond = (outlook.deliveredPerSecond * 10).rounded() / 10
            secondsToCatchUp = outlook.secondsToCatchUp
        }
        homeserverProblem = gateway.homeserverProblem
        devices = gateway.deviceList.filter { $0.queued > 0 || $0.waiting > 0 }.map { status in
            let summary = DeviceSummary(status)
            return Device(
                name: summary.name, number: summary.number, room: summary.room, state: summary.state,
                queued: summary.queued, oldest: DeviceSummary.text(status.oldestQueuedUnixMilliseconds),
                waiting: summary.waiting)
        }
    }

    /// In words: when all that is queued will have arrived.
    var outlook: String {
        guard queued > 0 else { return "nothing is queued" }
        guard acceptedPerSecond != nil else { return "no gateway runs" }
        guard let secondsToCatchUp else {
            return homeserverProblem == nil
                ? "not catching up: as much is accepted as is delivered" : "not catching up: the homeserver is away"
        }
        return "caught up in about \(Self.duration(secondsToCatchUp))"
    }

    static func duration(_ seconds: Int) -> String {
        switch seconds {
        case ..<120: "\(seconds) s"
        case ..<7200: "\(seconds / 60) min"
        case ..<172_800: "\(seconds / 3600) h \(seconds % 3600 / 60) min"
        default: "\(seconds / 86_400) d \(seconds % 86_400 / 3600) h"
        }
    }
}
