internal import Foundation
internal import LinkModel
internal import Links
internal import Profiles

/// The gateway's configuration file. `template` writes one, with every key explained.
struct GatewayConfiguration: Sendable {
    var file: String
    var dataDirectory: String
    /// The gateway's own private key, then the one before it where devices may still use that.
    var keyFiles: [String]
    /// nil: none, unless systemd passes one.
    var storageKeyFile: String?
    var generationFile: String
    var machineIDFile: String
    var listen: [HostPort]
    /// How devices are told to reach the gateway, where that is not what it listens on.
    var address: HostPort?
    /// Where `/live`, `/ready` and `/metrics` are; nil: nowhere.
    var monitoringListen: HostPort?
    var homeserverURL: String
    var serverName: String
    var caFile: String?
    var allowPlainHTTP: Bool
    var appserviceID: String
    var appserviceListen: HostPort
    var appserviceURL: String
    var asToken: String
    var hsToken: String
    var senderLocalpart: String
    var userPrefix: String
    var displayName: String
    var commanders: [String]
    var messagesPerHour: Int?
    /// What its timers count on.
    var link: Link
    /// Of a link of amateur radio.
    var isLinkEncryptionPermitted: Bool

    /// Files in the data directory.
    var lockFile: String { dataDirectory + "/lock" }
    var storeFile: String { dataDirectory + "/gateway.sqlite" }
    var anchorFile: String { dataDirectory + "/anchor" }
    var socketFile: String { dataDirectory + "/gateway.sock" }

    static func load(
        _ path: String, environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws -> GatewayConfiguration {
        let top = try YAMLSection.load(path, environment: environment)
        let homeserver = try top.section("homeserver")
        let appservice = try top.section("appservice")

        func address(_ section: YAMLSection, _ key: String, _ text: String) throws -> HostPort {
            guard let address = HostPort(text) else {
                throw section.failure(key, "\"\(text)\" is not HOST:PORT, such as 0.0.0.0:5683 or [::]:5683")
            }
            return address
        }
        func url(_ section: YAMLSection, _ key: String, _ what: String) throws -> String {
            let text = try section.required(key, what)
            guard let url = URL(string: text), let scheme = url.scheme, ["http", "https"].contains(scheme),
                url.host?.isEmpty == false
            else { throw section.failure(key, "\"\(text)\" is not an address such as https://matrix.example.org") }
            return text.hasSuffix("/") ? String(text.dropLast()) : text
        }
        func localpart(_ key: String, _ fallback: String) throws -> String {
            let text = try appservice.string(key) ?? fallback
            let isValid = text.utf8.allSatisfy { byte in
                (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || "._-=/".utf8.contains(byte)
            }
            guard isValid, !text.isEmpty, text.utf8.count <= 64 else {
                throw appservice.failure(
                    key, "\"\(text)\": lower-case letters, digits and ._-=/ are allowed, at most 64")
            }
            return text
        }
        func token(_ key: String) throws -> String {
            let text = try appservice.required(key, "sotto config init makes one")
            guard text.utf8.count >= 16, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
                throw appservice.failure(key, "at least 16 printable characters without blanks are expected")
            }
            return text
        }

        let appserviceListen = try address(
            appservice, "listen", try appservice.string("listen") ?? "127.0.0.1:29350")
        let data = try top.filePath("data") ?? top.resolve("data")
        let configuration = GatewayConfiguration(
            file: path,
            dataDirectory: data,
            keyFiles: [
                try top.filePath("key_file") ?? top.resolve("gateway.key"), try top.filePath("previous_key_file"),
            ]
            .compactMap { $0 },
            storageKeyFile: try top.filePath("storage_key_file"),
            generationFile: try top.filePath("generation_file") ?? data + "/generation",
            machineIDFile: try top.filePath("machine_id_file") ?? MachineID.systemFile,
            listen: try (top.strings("listen") ?? ["0.0.0.0:5683", "[::]:5683"]).map { try address(top, "listen", $0) },
            address: try top.string("address").map { try address(top, "address", $0) },
            monitoringListen: try top.string("monitoring_listen").map { try address(top, "monitoring_listen", $0) },
            homeserverURL: try url(homeserver, "url", "the homeserver's address, such as https://matrix.example.org"),
            serverName: try homeserver.required("server_name", "what stands behind the colon of its users' ids"),
            caFile: try homeserver.filePath("ca_file"),
            allowPlainHTTP: try homeserver.bool("allow_plain_http") ?? false,
            appserviceID: try appservice.string("id") ?? "sotto",
            appserviceListen: appserviceListen,
            appserviceURL: try appservice.string("url") ?? "http://\(appserviceListen)",
            asToken: try token("as_token"), hsToken: try token("hs_token"),
            senderLocalpart: try localpart("sender_localpart", "sotto"),
            userPrefix: try localpart("user_prefix", "sotto_"),
            displayName: try top.string("display_name") ?? "NAME",
            commanders: try top.strings("commanders") ?? [],
            messagesPerHour: try top.integer("messages_per_hour", 1...1_000_000).map { Int($0) },
            link: try InstalledProfiles.here.link(from: top, key: "link")?.link.timing ?? .unknown,
            isLinkEncryptionPermitted: try top.bool("link_encryption_permitted") ?? false)
        for section in [homeserver, appservice, top] { try section.finish() }
        guard !configuration.listen.isEmpty else { throw top.failure("listen", "at least one address is needed") }
        for user in configuration.commanders where !user.hasPrefix("@") || !user.contains(":") {
            throw top.failure("commanders", "\"\(user)\" is not a user id such as @alice:example.org")
        }
        return configuration
    }

    /// A configuration to begin with. Tokens are made for it.
    static func template(
        asToken: String, hsToken: String, homeserverURL: String, serverName: String
    ) -> String {
        """
        # Sotto gateway. Paths are relative to this file. Every value can be given by the environment too:
        # SOTTO_HOMESERVER__URL for homeserver.url, SOTTO_HOMESERVER__URL_FILE for a file that holds it.

        # The store, its lock and the socket for the sotto commands. Readable by the gateway's user only.
        data: data

        # The gateway's private key (sotto key generate).
        key_file: gateway.key
        # While devices are given a new gateway's key, the one before: both are accepted.
        # previous_key_file: gateway.key.old

        # The key that seals what the store holds (sotto key generate). Without this line, a systemd credential
        # named sotto-storage-key; without either the store is not sealed.
        storage_key_file: storage.key

        # Outside of the data folder, this file tells also when the folder as a whole was put back to an earlier state.
        # generation_file: data/generation

        # Where devices reach the gateway, UDP.
        listen:
          - 0.0.0.0:5683
          - "[::]:5683"

        # How devices reach it from outside; goes into enrolment strings.
        # address: gateway.example.org:5683

        # Where a supervisor and Prometheus may ask, over plain HTTP and without a token: /live, /ready, /metrics.
        # monitoring_listen: 127.0.0.1:29351

        homeserver:
          url: \(homeserverURL)
          # What stands behind the colon of its users' ids.
          server_name: \(serverName)
          # Certificates are always verified. A private CA that is trusted instead of the system's, PEM:
          # ca_file: ca.pem
          # Plain http:// is refused except to this machine, unless this is true.
          # allow_plain_http: false

        # The application service; sotto registration prints what the homeserver has to know of it.
        appservice:
          id: sotto
          # Where this gateway listens for the homeserver, and the address by which the homeserver reaches it.
          listen: 127.0.0.1:29350
          url: http://127.0.0.1:29350
          as_token: \(asToken)
          hs_token: \(hsToken)
          sender_localpart: sotto
          # A device named greenhouse is @sotto_greenhouse.
          user_prefix: sotto_

        # How a device's user is called; NAME stands for the device's name.
        display_name: NAME

        # Users who may command devices without power level 50 in the room.
        # commanders: ["@alice:\(serverName)"]

        # Messages that each device may send within an hour. Beyond that it is told when to send again. Unlimited without this.
        # messages_per_hour: 60

        # The slow link: the name of an installed profile (sotto profile list), the path of one, or the values
        # themselves. Timers follow from it; the devices must use the same.
        link:
          rate_bps: 100
          latency_s: 2
          loss_percent: 5

        """
    }
}

extension GatewayConfiguration {
    /// How a device reaches the gateway.
    ///
    /// - Parameter given: on the command line.
    func deviceAddress(_ given: String?) throws -> HostPort {
        if let given {
            guard let parsed = HostPort(given) else {
                throw Failure(.badInput, "--address \(given): HOST:PORT is expected")
            }
            return parsed
        }
        if let known = address { return known }
        if let first = listen.first(where: { $0.port != 0 && !["0.0.0.0", "::"].contains($0.host) }) { return first }
        throw Failure(
            .badInput, "how do devices reach the gateway? give --address HOST:PORT, or set address in \(file)")
    }
}
