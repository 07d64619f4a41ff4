internal import ArgumentParser
internal import Foundation
internal import GatewayStore
internal import NoiseSodium

struct KeyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key", abstract: "Makes and changes keys.", subcommands: [Generate.self, Public.self, Reseal.self])

    struct Generate: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints a new private key.",
            discussion: "Example: (umask 077; sotto key generate > gateway.key)")

        @Flag(help: "Print JSON.")
        var json = false

        func run() throws {
            let key = KeyText.render(KeyText.generate())
            if json { try printJSON(["privateKey": key]) } else { print(key) }
        }
    }

    struct Public: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Reads a private key from standard input and prints its public key.",
            discussion: "Example: sotto key public < gateway.key")

        @Flag(help: "Print JSON.")
        var json = false

        func run() throws {
            let text = String(decoding: FileHandle.standardInput.readDataToEndOfFile(), as: UTF8.self)
            let key = KeyText.render(WireSuite.publicKey(of: try KeyText.parse(text, "standard input")))
            if json { try printJSON(["publicKey": key]) } else { print(key) }
        }
    }
    struct Reseal: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Seals the gateway's store under another storage key.",
            discussion: """
                The gateway must not run. All happens in one transaction: killed meanwhile, the store is as it was, and so \
                is the key. No key file is changed or removed: name the new one in storage_key_file afterwards.

                Example: (umask 077; sotto key generate > new.key); sotto key reseal new.key
                """)

        @OptionGroup var options: ConfigurationOptions

        @Argument(help: "The file of the new storage key.")
        var newKey: String

        @Flag(help: "Print JSON.")
        var json = false

        func run() throws {
            let configuration = try options.load()
            guard FileManager.default.fileExists(atPath: configuration.storeFile) else {
                throw Failure(.badInput, "\(configuration.storeFile): there is no store yet")
            }
            let new = try StorageKey.load(from: newKey)
            let lock = try DataDirectory.lock(configuration)
            defer { withExtendedLifetime(lock) {} }
            let isChanged: Bool
            do {
                isChanged = try Store.changeKey(
                    path: configuration.storeFile, from: try StorageKey.load(configuration), to: new)
            } catch {
                throw Administration.describe(error)
            }
            if json {
                try printJSON(Report(store: configuration.storeFile, storageKeyFile: newKey, isChanged: isChanged))
                return
            }
            print("\(configuration.storeFile) is \(isChanged ? "now" : "already") sealed under \(newKey)")
            say(
                "name it in storage_key_file before the next start; backups of before need the old key, so keep that as long "
                    + "as them")
        }

        private struct Report: Encodable {
            var store: String
            var storageKeyFile: String
            var isChanged: Bool
        }
    }
}
