import Foundation
import NIOPosix

// Arguments: the sotto program, a folder that may be filled, --json, --long.
let arguments = CommandLine.arguments
guard arguments.count >= 3 else {
    FileHandle.standardError.write(Data("usage: GatewayBenchmark SOTTO FOLDER [--json] [--long]\n".utf8))
    exit(64)
}
let benchmark = try Benchmark(
    program: arguments[1], folder: URL(fileURLWithPath: arguments[2]), isJSON: arguments.contains("--json"),
    isLong: arguments.contains("--long"))
do {
    try benchmark.run(only: arguments.dropFirst(3).first { !$0.hasPrefix("--") })
} catch {
    FileHandle.standardError.write(Data("\(error)\n".utf8))
    exit(1)
}
