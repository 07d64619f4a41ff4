internal import ArgumentParser
internal import Profiles

struct ExplainProfileCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Says what follows from a profile: time on air, timers, messages a day, energy, battery.",
        discussion: """
            Of a device, for the first of its examples; of a link, for a text of --body bytes. Times are those of an idle link \
            and a session that is up, as the program itself computes them.

            Example: sotto profile explain lorawan-eu868-soil-sensor
            """)

    @Argument(help: "A name or a path.")
    var profile: String

    @Option(help: ArgumentHelp("Of a link: how long the message's body is.", valueName: "bytes"))
    var body: Int?

    @Flag(help: "Of a link: you hold a permission to encrypt on this link of amateur radio.")
    var encryptionPermitted = false

    @Flag(help: "Print JSON; times in seconds.")
    var json = false

    func run() throws {
        let explanation: Explanation
        switch try NamedProfile.load(profile) {
        case .link(let link, _):
            let body = body ?? 12
            guard (0...65_000).contains(body) else {
                throw Failure(.badInput, "--body \(body): 0 to 65000 are allowed")
            }
            explanation = Explanation(link, bodyBytes: body, encryptionPermitted: encryptionPermitted)
        case .device(let device, _):
            guard body == nil, !encryptionPermitted else {
                throw Failure(
                    .badInput, "--body and --encryption-permitted are for links; a device's profile says both")
            }
            explanation = Explanation(device)
        }
        if json { try printJSON(explanation) } else { print(explanation.text) }
    }
}
