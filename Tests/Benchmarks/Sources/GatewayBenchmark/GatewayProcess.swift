import Foundation

/// The real program, as an operator runs it, with its store in a folder of its own.
final class GatewayProcess {
    let folder: URL
    private let program: String
    private var process: Process?
    private(set) var port: UInt16 = 0

    init(program: String, folder: URL, homeserverPort: Int, otherLines: String = "") throws {
        self.program = program
        self.folder = folder
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        for name in ["gateway.key", "storage.key"] {
            let key = try Self.output(of: program, ["key", "generate"])
            let path = folder.appendingPathComponent(name).path
            FileManager.default.createFile(
                atPath: path, contents: Data(key.utf8), attributes: [.posixPermissions: 0o600])
        }
        let text = """
            data: data
            key_file: gateway.key
            storage_key_file: storage.key
            listen: ["127.0.0.1:0"]
            homeserver:
              url: http://127.0.0.1:\(homeserverPort)
              server_name: bench.example
            appservice:
              listen: 127.0.0.1:0
              as_token: bench-as-token-0123456789
              hs_token: bench-hs-token-0123456789
            link:
              rate_bps: 100000000
              latency_s: 2
            \(otherLines)
            """
        try Data(text.utf8).write(to: folder.appendingPathComponent("sotto.yaml"))
    }

    static func output(of program: String, _ arguments: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Problem("sotto \(arguments) failed") }
        return String(decoding: data, as: UTF8.self)
    }

    var identifier: Int32 { process?.processIdentifier ?? 0 }
    var socket: String { folder.appendingPathComponent("data/gateway.sock").path }
    var store: URL { folder.appendingPathComponent("data") }

    /// Returns when it says that it is ready.
    func start() throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = [
            "gateway", "-c", folder.appendingPathComponent("sotto.yaml").path, "--log-level", "warning",
        ]
        let pipe = Pipe()
        process.standardOutput = pipe
        let log = folder.appendingPathComponent("gateway.log").path
        if !FileManager.default.fileExists(atPath: log) {
            FileManager.default.createFile(atPath: log, contents: nil)
        }
        let logHandle = try FileHandle(forWritingTo: URL(fileURLWithPath: log))
        try logHandle.seekToEnd()
        process.standardError = logHandle
        try process.run()
        self.process = process
        var text = ""
        while !text.contains("ready\n") {
            let data = pipe.fileHandleForReading.availableData
            guard !data.isEmpty else { throw Problem("the gateway did not start; see \(folder.path)/gateway.log") }
            text += String(decoding: data, as: UTF8.self)
            if port == 0 || text.contains("listening for devices on "),
                let line = text.firstRange(of: "listening for devices on 127.0.0.1:")
            {
                port = UInt16(text[line.upperBound...].prefix { $0.isNumber }) ?? 0
            }
        }
    }

    func stop() {
        process?.terminate()
        process?.waitUntilExit()
        process = nil
    }

    /// Ends at once, as with the power.
    func kill() {
        if let process { Glibc.kill(process.processIdentifier, SIGKILL) }
        process?.waitUntilExit()
        process = nil
    }

    /// Seconds of CPU so far.
    var cpuSeconds: Double {
        guard let text = try? String(contentsOfFile: "/proc/\(identifier)/stat", encoding: .utf8),
            let end = text.lastIndex(of: ")")
        else { return 0 }
        let fields = text[end...].split(separator: " ")
        return (Double(fields[12]) ?? 0) / 100 + (Double(fields[13]) ?? 0) / 100
    }

    /// Bytes that are resident.
    var residentBytes: Int {
        guard let text = try? String(contentsOfFile: "/proc/\(identifier)/status", encoding: .utf8),
            let line = text.firstRange(of: "VmRSS:")
        else { return 0 }
        return (Int(text[line.upperBound...].drop { !$0.isNumber }.prefix { $0.isNumber }) ?? 0) * 1024
    }

    /// Of the data folder.
    var storedBytes: Int {
        let files = FileManager.default.enumerator(at: store, includingPropertiesForKeys: [.fileSizeKey])
        var total = 0
        while let file = files?.nextObject() as? URL {
            total += (try? file.resourceValues(forKeys: [.fileSizeKey]).fileSize) ?? 0
        }
        return total
    }
}
