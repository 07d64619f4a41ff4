internal import ArgumentParser
internal import Foundation
internal import Profiles

@main
struct Sotto: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sotto",
        abstract: "Carries Matrix over links as slow as 100 bit/s.",
        discussion: """
            A gateway speaks CoAP inside Noise with devices, and HTTPS with a Matrix homeserver. The same program is a \
            device for Linux, and a slow link to try them on.

            To begin: sotto config init, sotto registration, sotto gateway; then sotto device init on the device and \
            sotto device add beside the gateway.
            """,
        version: "0.1.0",
        subcommands: [
            GatewayCommand.self, StatusCommand.self, QueueCommand.self, BackupCommand.self, RestoreCommand.self,
            ConfigCommand.self, DoctorCommand.self, RegistrationCommand.self,
            KeyCommand.self,
            DeviceCommand.self, LinkCommand.self, SimCommand.self, ProfileCommand.self, BytesCommand.self,
        ])

    static func main() async {
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch let failure as Failure {
            end(failure)
        } catch let error as FieldError {
            end(Failure(error))
        } catch {
            exit(withError: error)
        }
    }

    private static func end(_ failure: Failure) -> Never {
        say("sotto: \(failure.message)")
        Foundation.exit(failure.status.rawValue)
    }
}
