internal import ArgumentParser
internal import Foundation

struct SimExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Says for a message of a run why it was late.",
        discussion: """
            Reads events.jsonl. Without --message it explains those that took longest.

            Example: sotto sim explain /tmp/greenhouse --message 17
            """)

    @Argument(help: ArgumentHelp("The folder of a run, or its events.jsonl.", valueName: "folder"))
    var folder: String

    @Option(help: ArgumentHelp("The message's number: m in the log.", valueName: "number"))
    var message: Int?

    @Option(help: "How many of the latest, without --message.")
    var count = 3

    func run() throws {
        let path = folder.hasSuffix(".jsonl") ? folder : folder + "/events.jsonl"
        guard let text = FileManager.default.contents(atPath: path) else {
            throw Failure(.badInput, "\(path) cannot be read")
        }
        var chosen: [Int] = []
        if let message { chosen = [message] } else { chosen = MessageStory.latest(in: text, count: max(1, count)) }
        guard !chosen.isEmpty else { throw Failure(.badInput, "\(path): no message reached its end") }
        for (index, number) in chosen.enumerated() {
            let events = MessageStory.events(of: number, in: text)
            guard !events.isEmpty else { throw Failure(.badInput, "\(path): there is no message \(number)") }
            if index > 0 { try printLine("") }
            for line in MessageStory.tell(number, events) { try printLine(line) }
        }
    }
}
