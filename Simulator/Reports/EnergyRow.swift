internal import LinkModel
internal import Simulation

/// What a device of a group draws, on average over the group: millijoules a day.
struct EnergyRow {
    var name: String
    var transmit: Double
    var receive: Double
    var sleep: Double
    /// For each message in the gateway's journal.
    var perMessage: Double?
    /// nil: no battery is given.
    var years: Double?
    var deratedYears: Double?

    var millijoulesPerDay: Double { transmit + receive + sleep }

    static func rows(_ scenario: Scenario, _ summary: Summary) -> [EnergyRow] {
        let seconds = Double(scenario.duration) / 1e9
        let days = seconds / 86_400
        var rows: [EnergyRow] = []
        for (index, group) in scenario.devices.enumerated() {
            guard let power = group.power else { continue }
            let own = summary.deviceAirtime.filter { $0.group == index }
            let up = own.reduce(0.0) { $0 + Double($1.up) / 1e9 } / Double(max(1, own.count))
            var down = own.reduce(0.0) { $0 + Double($1.down) / 1e9 } / Double(max(1, own.count))
            if power.alwaysListens { down = max(0, seconds - up) }
            let rest = max(0, seconds - up - down)
            // Microamperes times millivolts are nanowatts.
            func millijoules(_ current: Int64, _ time: Double) -> Double {
                Double(current) * Double(power.millivolts) * time / 1e6
            }
            var row = EnergyRow(
                name: group.name, transmit: millijoules(power.transmitting, up) / days,
                receive: millijoules(power.receiving, down) / days, sleep: millijoules(power.sleeping, rest) / days)
            let messages = Double(summary.journalledByGroup[index]) / Double(max(1, own.count))
            if messages > 0 { row.perMessage = row.millijoulesPerDay * days / messages }
            if power.battery > 0, row.millijoulesPerDay > 0 {
                let capacity = Double(power.battery) * Double(power.millivolts) * 3.6
                row.years = capacity / row.millijoulesPerDay / 365.25
                // What can be used of it, less 1 % of self-discharge a year.
                let usable = capacity * Double(power.usablePercent) / 100
                row.deratedYears = usable / (row.millijoulesPerDay + capacity * 0.01 / 365.25) / 365.25
            }
            rows.append(row)
        }
        return rows
    }
}
