internal import Foundation
internal import GatewayCore

/// What the exit code of the program says. Docs/Operators-Guide.md lists them.
enum ExitStatus: Int32, CaseIterable {
    /// The words of the command line make no sense.
    case usage = 64
    /// A value or a file that was given is not acceptable.
    case badInput = 65
    /// No profile of this name is installed.
    case unknownProfile = 66
    /// The gateway did not answer a request on an established session.
    case noAnswer = 69
    case portInUse = 71
    /// Another process holds the data directory, or a device's state.
    case locked = 72
    /// A file cannot be read or written; the disk is full.
    case storage = 73
    /// The store was written by a newer version.
    case newerStore = 74
    case gatewayNotRunning = 75
    /// The gateway answered, and refused.
    case refused = 76
    /// A key is malformed, unusable or taken; or a handshake came to nothing.
    case key = 77
    case badConfiguration = 78
    case unknownDevice = 79
}

/// An error that ends the program: words for a person and an exit code for a script.
struct Failure: Error, CustomStringConvertible {
    var status: ExitStatus
    var message: String

    init(_ status: ExitStatus, _ message: String) {
        self.status = status
        self.message = message
    }

    var description: String { message }
}

/// Prints one line to standard error, whatever stands in it: what is not the result of a command.
func say(_ text: String) {
    FileHandle.standardError.write(Data((text.onOneLine + "\n").utf8))
}

/// Prints one line of a command's result, whatever stands in it, at once, also into a pipe.
func printLine(_ text: String) throws {
    try FileHandle.standardOutput.write(contentsOf: Data((text.onOneLine + "\n").utf8))
}
