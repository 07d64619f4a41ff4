internal import CompactMatrix
internal import DeviceClient
internal import Foundation
internal import LinkModel
internal import Links
internal import NoiseSodium
internal import Profiles
internal import SecureDatagram

/// A device's own file: its key and how it reaches its gateway. What changes while it speaks stands beside it.
struct DeviceFile {
    var path: String
    /// Empty where the device lives by a provisioned session.
    var privateKey: [UInt8]
    var gateway: String?
    var gatewayKey: [UInt8]?
    /// Shared with the gateway: besides the keys, or instead of them.
    var presharedKey: [UInt8]?
    var number: UInt32?
    var isProvisioned: Bool { privateKey.isEmpty }
    /// As it stands in the file: a name, or a path relative to it.
    var linkPath: String?
    /// What its timers count on.
    var link: Link
    /// The profile of its firmware, as it stands in the file: a name, or a path relative to it.
    var firmware: String?
    /// How that packs readings; nil: they describe themselves.
    var template: PayloadTemplate?
    /// Beside a link of amateur radio: the permission to encrypt there.
    var isEncryptionPermitted = false

    var stateFile: String { path + ".state" }
    var lockFile: String { path + ".lock" }

    /// One process at a time is this device.
    func lock() throws -> FileLock {
        try FileLock(lockFile) { holder in
            "\(path) is in use by another sotto device\(holder.map { " (process \($0))" } ?? "")"
        }
    }

    static func load(_ path: String) throws -> DeviceFile {
        guard FileManager.default.fileExists(atPath: path) else {
            throw Failure(.badConfiguration, "\(path): there is no such file; sotto device init \(path) makes it")
        }
        if let mode = try? FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? NSNumber,
            mode.intValue & 0o077 != 0
        {
            throw Failure(.key, "\(path): others may read the private key in it; chmod 600 \(path)")
        }
        let top = try YAMLSection.load(path)
        let number = try top.integer("number", 0...Int64(DeviceNumber.largest))
        let isProvisioned = try top.bool("provisioned") ?? false
        let privateKey = try isProvisioned ? top.string("private_key") : top.required("private_key", "the device's key")
        if isProvisioned, privateKey != nil {
            throw Failure(.badConfiguration, "\(path): a provisioned device has no private_key")
        }
        let firmware = try top.string("firmware")
        let device = DeviceFile(
            path: path,
            privateKey: try privateKey.map { try KeyText.parse($0, "\(path): private_key") } ?? [],
            gateway: try top.string("gateway"),
            gatewayKey: try top.string("gateway_key").map { try KeyText.parsePublic($0, "\(path): gateway_key") },
            presharedKey: try top.string("psk").map { try KeyText.parse($0, "\(path): psk") },
            number: number.map { UInt32($0) },
            linkPath: top.isMapping("link") ? nil : try top.string("link"),
            link: try InstalledProfiles.here.link(from: top, key: "link")?.link.timing ?? .unknown,
            firmware: firmware, template: try firmware.flatMap { try template(of: $0, for: path) },
            isEncryptionPermitted: try top.bool("link_encryption_permitted") ?? false)
        try top.finish()
        return device
    }

    /// Takes another link, after a look whether it can be used.
    mutating func use(link: String, encryptionPermitted: Bool) throws {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        let profile = try InstalledProfiles.here.link(
            link, relativeTo: folder, encryptionPermitted: encryptionPermitted || isEncryptionPermitted)
        if let caution = profile.caution { say(caution) }
        linkPath = link
        self.link = profile.link.timing
        if encryptionPermitted { isEncryptionPermitted = true }
    }

    mutating func use(firmware: String) throws {
        template = try Self.template(of: firmware, for: path)
        self.firmware = firmware
    }

    /// Of the readings of a firmware: a name that sotto profile list shows, or a path relative to the device's file.
    private static func template(of firmware: String, for path: String) throws -> PayloadTemplate? {
        try InstalledProfiles.here.template(
            of: firmware, relativeTo: URL(fileURLWithPath: path).deletingLastPathComponent().path)
    }

    func save() throws {
        var text = """
            # A Sotto device. This file holds its private key: it never leaves the device.
            private_key: \(KeyText.render(privateKey))
            """
        if isProvisioned {
            text = """
                # A Sotto device whose session was made for it: the file beside this one, which ends in .state, is its only key.
                provisioned: true
                """
        }
        text += "\n# Where its gateway is, the gateway's public key, and the number that it gave this device.\n"
        text += gateway.map { "gateway: \"\($0)\"\n" } ?? "# gateway: gateway.example.org:5683\n"
        text += gatewayKey.map { "gateway_key: \(KeyText.render($0))\n" } ?? "# gateway_key:\n"
        if let presharedKey { text += "psk: \(KeyText.render(presharedKey))\n" }
        text += number.map { "number: \($0)\n" } ?? "# number:\n"
        text += "# The link, the same as in the gateway's configuration; without it 100 bit/s and 2 s are taken.\n"
        text += linkPath.map { "link: \"\($0)\"\n" } ?? "# link: reference-100bps\n"
        if isEncryptionPermitted { text += "link_encryption_permitted: true\n" }
        text += "# The profile of its firmware, the same as beside the gateway: how readings are packed.\n"
        text += firmware.map { "firmware: \"\($0)\"\n" } ?? "# firmware: reference-sensor\n"
        try DurableFile.write(Array(text.utf8), to: path)
    }

    /// What the device needs to speak.
    func identity() throws -> (DeviceIdentity, HostPort) {
        guard let gateway, let number, let device = DeviceNumber(number),
            gatewayKey != nil || presharedKey != nil || isProvisioned
        else {
            throw Failure(
                .badConfiguration,
                "\(path): gateway, number, and gateway_key or psk are needed: run what sotto device add printed beside the "
                    + "gateway, or enrol the device")
        }
        guard let address = HostPort(gateway) else {
            throw Failure(.badConfiguration, "\(path): gateway: \"\(gateway)\" is not HOST:PORT")
        }
        if isProvisioned { return (DeviceIdentity(provisioned: device), address) }
        guard let gatewayKey else {
            return (DeviceIdentity(number: device, presharedKey: presharedKey ?? []), address)
        }
        return (
            DeviceIdentity(
                number: device, privateKey: privateKey, gatewayKey: gatewayKey, presharedKey: presharedKey ?? []),
            address
        )
    }
}

/// The operating system's generator.
struct SystemEntropy: Entropy {
    mutating func next32() -> [UInt8] { Sodium.randomBytes(32) }
}
