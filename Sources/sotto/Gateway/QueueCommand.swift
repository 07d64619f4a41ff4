internal import ArgumentParser
internal import Foundation

struct QueueCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "queue", abstract: "Shows what is on its way, and when it will have arrived.",
        discussion: """
            Devices with messages on their way to rooms, or waiting for the device; how many are accepted and delivered a \
            second, and in what time the queue is empty at these rates.
            """)

    @OptionGroup var options: ConfigurationOptions

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        guard let queue = try await AdministrationClient.ask(.queue, try options.load()).queue else {
            throw Failure(.gatewayNotRunning, "the running gateway is of an older version and knows no queue command")
        }
        if json {
            try printJSON(queue)
            return
        }
        for device in queue.devices {
            let oldest = device.oldest.map { ", the oldest of \($0)" } ?? ""
            print(
                "\(device.number)  \(device.name)  \(device.room)  \(device.state)  queued \(device.queued)\(oldest), "
                    + "waiting for it \(device.waiting)")
        }
        print("queued        \(queue.queued) on their way to rooms; \(queue.waiting) waiting for devices")
        if let accepted = queue.acceptedPerSecond, let delivered = queue.deliveredPerSecond {
            print("last minute   \(accepted) accepted, \(delivered) delivered a second")
        }
        if let problem = queue.homeserverProblem { print("homeserver    trying again: \(problem)") }
        print("outlook       \(queue.outlook)")
    }
}
