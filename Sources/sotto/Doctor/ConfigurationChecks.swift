internal import Foundation
internal import Homeserver

/// The configuration's values, and the key files that it names.
enum ConfigurationChecks {
    static func all(_ configuration: GatewayConfiguration) -> [Finding] {
        [values(configuration), gatewayKey(configuration), storageKey(configuration)]
    }

    private static func values(_ configuration: GatewayConfiguration) -> Finding {
        let name = "configuration"
        if let ca = configuration.caFile, !FileManager.default.isReadableFile(atPath: ca) {
            return .wrong(name, "homeserver.ca_file: \(ca) cannot be read", "correct its path or its mode")
        }
        if let problem = HomeserverClient.problem(
            baseURL: configuration.homeserverURL, allowPlainHTTP: configuration.allowPlainHTTP)
        {
            return .wrong(name, "homeserver.url: \(problem)", "correct it in \(configuration.file)")
        }
        guard configuration.socketFile.utf8.count <= AdministrationListener.longestPath else {
            return .wrong(
                name, "\(configuration.socketFile) is too long a path for a Unix socket", "give a shorter data folder")
        }
        guard let mode = mode(configuration.file), mode & 0o077 == 0 else {
            return .note(
                name, "\(configuration.file) can be used, and others may read the tokens in it",
                "chmod 600 \(configuration.file)")
        }
        return .ok(name, "\(configuration.file) can be used")
    }

    private static func gatewayKey(_ configuration: GatewayConfiguration) -> Finding {
        do {
            for path in configuration.keyFiles { _ = try KeyText.load(path) }
            let names = configuration.keyFiles.joined(separator: " and ")
            return .ok("gateway key", "\(names) can be used, and only their owner may read it")
        } catch {
            return .wrong(
                "gateway key", "\(error)",
                "put it back from a safe place: with another key every device has to be configured anew")
        }
    }

    private static func storageKey(_ configuration: GatewayConfiguration) -> Finding {
        guard let path = StorageKey.path(configuration) else {
            return .note(
                "storage key", "there is none: whoever reads the store has its sessions and queued messages",
                "(umask 077; sotto key generate > storage.key), and storage_key_file: storage.key; the next start seals the store"
            )
        }
        do {
            _ = try StorageKey.load(configuration)
            return .ok("storage key", "\(path) can be used, and only its owner may read it")
        } catch {
            return .wrong(
                "storage key", "\(error)", "put it back from a safe place: without it the store cannot be read")
        }
    }

    static func mode(_ path: String) -> Int? {
        (try? FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? NSNumber)?.intValue
    }
}
