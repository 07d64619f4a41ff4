internal import ArgumentParser

/// What a device has to know of its link and its firmware, both as beside the gateway.
struct LinkOptions: ParsableArguments {
    @Option(
        name: [.customLong("profile"), .customLong("link")],
        help: ArgumentHelp(
            "The link: a name that sotto profile list shows, or a path relative to the device's file.",
            valueName: "name"))
    var link: String?

    @Flag(help: "You hold a permission to encrypt on this link of amateur radio.")
    var encryptionPermitted = false

    @Option(
        help: ArgumentHelp(
            "The profile of its firmware, which says how readings are packed: a name that sotto profile list shows, or a path "
                + "relative to the device's file.", valueName: "name"))
    var firmware: String?

    func apply(to device: inout DeviceFile, otherwise link: String? = nil) throws {
        if let link = self.link ?? link { try device.use(link: link, encryptionPermitted: encryptionPermitted) }
        if let firmware { try device.use(firmware: firmware) }
    }
}
