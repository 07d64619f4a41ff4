// Runs the scenarios whose logs are kept and writes each to a file: FOLDER/NAME.txt.
import Foundation
import Simulation

guard CommandLine.arguments.count == 2 else {
    FileHandle.standardError.write(Data("usage: Replay FOLDER\n".utf8))
    exit(64)
}
for scenario in GoldenScenarios.all {
    let text = try GoldenScenarios.text(of: scenario)
    try text.write(toFile: "\(CommandLine.arguments[1])/\(scenario.name).txt", atomically: true, encoding: .utf8)
}
