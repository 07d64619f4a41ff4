internal import Foundation

/// The machine's clock and name.
enum MachineChecks {
    /// Before this program was written: a clock that nobody has set.
    private static let earliest: Int64 = 1_735_689_600_000

    static func all(_ configuration: GatewayConfiguration) -> [Finding] {
        [clock(), machineID(configuration)]
    }

    private static func clock() -> Finding {
        let now = Clock.unixMilliseconds
        let text = Date(timeIntervalSince1970: Double(now) / 1000).ISO8601Format()
        guard now >= earliest else {
            return .wrong(
                "clock", "it says \(text)", "set it: messages carry its time, and certificates are judged by it")
        }
        guard Clock.isSynchronised else {
            return .note(
                "clock", "it says \(text), and no time service has set it",
                "run one (systemd-timesyncd, chrony): messages carry its time")
        }
        return .ok("clock", "it says \(text), set by a time service")
    }

    private static func machineID(_ configuration: GatewayConfiguration) -> Finding {
        guard MachineID.read(configuration.machineIDFile) != nil else {
            return .note(
                "machine id",
                "\(configuration.machineIDFile) names no machine: a copied disk is not detected elsewhere",
                "systemd-machine-id-setup, or machine_id_file with a file that is this machine's own")
        }
        return .ok("machine id", "\(configuration.machineIDFile) names this machine")
    }
}
