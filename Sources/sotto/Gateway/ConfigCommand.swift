internal import ArgumentParser
internal import Foundation
internal import GatewayCore
internal import Homeserver
internal import NoiseSodium

struct ConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Makes and checks the gateway's configuration.",
        subcommands: [Init.self, Check.self])

    struct Init: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Writes a commented configuration with fresh tokens, the gateway's key and the storage key.",
            discussion: "Example: sotto config init --homeserver https://matrix.example.org --server-name example.org")

        @Argument(help: "The file to write; the keys go beside it as gateway.key and storage.key.")
        var file = "sotto.yaml"

        @Option(help: "The homeserver's address.")
        var homeserver = "https://matrix.example.org"

        @Option(help: "What stands behind the colon of its users' ids.")
        var serverName = "example.org"

        @Flag(help: "Print JSON.")
        var json = false

        func run() throws {
            let folder = URL(fileURLWithPath: file).deletingLastPathComponent()
            let keyFile = folder.appendingPathComponent("gateway.key").path
            let storageKeyFile = folder.appendingPathComponent("storage.key").path
            for path in [file, keyFile, storageKeyFile] where FileManager.default.fileExists(atPath: path) {
                throw Failure(.badInput, "\(path) is there already and is not overwritten")
            }
            let key = KeyText.generate()
            try DurableFile.write(Array((KeyText.render(key) + "\n").utf8), to: keyFile)
            try DurableFile.write(Array((KeyText.render(KeyText.generate()) + "\n").utf8), to: storageKeyFile)
            let text = GatewayConfiguration.template(
                asToken: Registration.randomToken(), hsToken: Registration.randomToken(), homeserverURL: homeserver,
                serverName: serverName)
            try DurableFile.write(Array(text.utf8), to: file)
            let publicKey = KeyText.render(WireSuite.publicKey(of: key))
            if json {
                try printJSON([
                    "file": file, "keyFile": keyFile, "storageKeyFile": storageKeyFile, "publicKey": publicKey,
                ])
                return
            }
            say("wrote \(file), \(keyFile) and \(storageKeyFile); the public key of the gateway is:")
            print(publicKey)
        }
    }

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Says whether a configuration can be used, and what is wrong with it.")

        @Argument(help: "The file to check.")
        var file = "sotto.yaml"

        @Flag(help: "Print JSON.")
        var json = false

        func run() throws {
            let configuration = try GatewayConfiguration.load(file)
            let machine = try GatewayCommand.machineConfiguration(configuration)
            _ = try StorageKey.load(configuration)
            if let ca = configuration.caFile, !FileManager.default.isReadableFile(atPath: ca) {
                throw Failure(.badConfiguration, "\(file): homeserver.ca_file: \(ca) cannot be read")
            }
            if let problem = HomeserverClient.problem(
                baseURL: configuration.homeserverURL, allowPlainHTTP: configuration.allowPlainHTTP)
            {
                throw Failure(.badConfiguration, "\(file): homeserver.url: \(problem)")
            }
            let publicKey = KeyText.render(WireSuite.publicKey(of: machine.privateKeys[0]))
            if json {
                try printJSON(["file": file, "publicKey": publicKey])
            } else {
                print("\(file) can be used; the gateway's public key is \(publicKey)")
            }
        }
    }
}

struct RegistrationCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "registration",
        abstract: "Prints the application service registration for the homeserver.",
        discussion: "Save it where the homeserver reads it (Synapse: app_service_config_files) and restart that.")

    @OptionGroup var options: ConfigurationOptions

    func run() throws {
        let configuration = try options.load()
        print(
            Registration(
                id: configuration.appserviceID, url: configuration.appserviceURL, asToken: configuration.asToken,
                hsToken: configuration.hsToken, senderLocalpart: configuration.senderLocalpart,
                userPrefix: configuration.userPrefix, serverName: configuration.serverName
            ).yaml, terminator: "")
    }
}
