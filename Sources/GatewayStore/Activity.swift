internal import Foundation
internal import GRDB
internal import GatewayCore

extension Schema {
    /// What devices have used, for `device show`. Nothing depends on it.
    static let activityStep = """
        CREATE TABLE activity (
            device INTEGER PRIMARY KEY,
            day INTEGER NOT NULL,
            bytes_up INTEGER NOT NULL,
            bytes_down INTEGER NOT NULL,
            airtime_up INTEGER NOT NULL,
            airtime_down INTEGER NOT NULL,
            session BLOB NOT NULL,
            session_ms INTEGER,
            confirmed_ms INTEGER
        ) STRICT;
        """
}

extension DeviceActivity {
    init(_ row: Row) {
        self.init(device: UInt32(truncatingIfNeeded: row["device"] as Int64), day: row["day"])
        bytesUp = UInt64(bitPattern: row["bytes_up"])
        bytesDown = UInt64(bitPattern: row["bytes_down"])
        airtimeUp = row["airtime_up"]
        airtimeDown = row["airtime_down"]
        session = [UInt8](row["session"] as Data)
        sessionUnixMilliseconds = row["session_ms"]
        confirmedUnixMilliseconds = row["confirmed_ms"]
    }

    func save(_ db: Database) throws {
        try db.cachedStatement(sql: "INSERT OR REPLACE INTO activity VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)").execute(
            arguments: [
                Int64(device), day, Int64(bitPattern: bytesUp), Int64(bitPattern: bytesDown), airtimeUp, airtimeDown,
                Data(session), sessionUnixMilliseconds, confirmedUnixMilliseconds,
            ])
    }
}
