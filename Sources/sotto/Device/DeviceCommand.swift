internal import ArgumentParser
internal import Foundation
internal import NoiseSodium
internal import SecureDatagram

struct DeviceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "device", abstract: "Manages the gateway's devices, and is a device itself.",
        discussion: """
            On the device: init and configure, or enroll, or import; then send, reading, event, watch; export moves a \
            provisioned session.
            Beside the gateway: add, list, show, firmware, rotate, revoke.
            """,
        subcommands: [
            Init.self, EnrollCommand.self, Configure.self, SendCommand.self, ReadingCommand.self, EventCommand.self,
            WatchCommand.self,
            ImportCommand.self, ExportCommand.self,
            AddCommand.self, ListCommand.self, ShowCommand.self, FirmwareCommand.self,
            RotateCommand.self, RevokeCommand.self,
        ])

    struct Init: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes a device's key and file, and prints its public key.",
            discussion: "Example: sotto device init greenhouse.yaml")

        @Argument(help: "The file to make.")
        var file: String

        @Flag(help: "Print JSON.")
        var json = false

        func run() throws {
            guard !FileManager.default.fileExists(atPath: file) else {
                throw Failure(.badInput, "\(file) is there already and is not overwritten: its key would be lost")
            }
            let key = KeyText.generate()
            let device = DeviceFile(path: file, privateKey: key, link: .unknown)
            try device.save()
            let publicKey = KeyText.render(WireSuite.publicKey(of: key))
            if json { try printJSON(["publicKey": publicKey, "file": file]) } else { print(publicKey) }
        }
    }

    struct Configure: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Tells a device how it reaches its gateway.",
            discussion: "sotto device add prints the whole command.")

        @Argument(help: "The device's file.")
        var file: String

        @Option(help: "The gateway's address, HOST:PORT.")
        var gateway: String?

        @Option(help: "The gateway's public key.")
        var gatewayKey: String?

        @Option(help: ArgumentHelp("A file with the key that is shared with the gateway.", valueName: "file"))
        var psk: String?

        @Option(help: "The number that the gateway gave the device.")
        var number: UInt32?

        @OptionGroup var linkOptions: LinkOptions

        func run() throws {
            var device = try DeviceFile.load(file)
            let old = device
            if let gateway {
                guard HostPort(gateway) != nil else {
                    throw Failure(.badInput, "--gateway \(gateway): HOST:PORT is expected")
                }
                device.gateway = gateway
            }
            if let gatewayKey { device.gatewayKey = try KeyText.parsePublic(gatewayKey, "--gateway-key") }
            if let psk { device.presharedKey = try KeyText.load(psk) }
            if let number {
                guard DeviceNumber(number) != nil else {
                    throw Failure(.badInput, "--number \(number): 0 to \(DeviceNumber.largest) are allowed")
                }
                device.number = number
            }
            try linkOptions.apply(to: &device)
            let isAnother =
                old.gatewayKey != device.gatewayKey || old.number != device.number
                || old.presharedKey != device.presharedKey
            if old.number != nil, isAnother {
                // The session belongs to those keys and that number.
                try? FileManager.default.removeItem(atPath: device.stateFile)
            }
            try device.save()
        }
    }
}
