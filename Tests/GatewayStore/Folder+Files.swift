import Foundation
public import GatewayStore
public import NoiseSodium

extension SealingKey: StorageCipher {}

/// A store's folder as a gateway keeps it.
extension StoreTests.Folder {
    var generationFile: String { url.appendingPathComponent("generation").path }
    var anchorFile: String { url.appendingPathComponent("anchor").path }
    static var noon: Int64 { 1_900_000_000_000 }

    func traces(
        machine: [UInt8]? = [1, 2, 3], unixMilliseconds: Int64 = noon, isClockSynchronised: Bool = true
    ) -> Traces {
        Traces(
            generationFile: generationFile, anchorFile: anchorFile, machine: machine,
            unixMilliseconds: unixMilliseconds, isClockSynchronised: isClockSynchronised)
    }

    func bytes(_ name: String) throws -> Data {
        try Data(contentsOf: url.appendingPathComponent(name))
    }

    /// Every byte that SQLite has on disk.
    func databaseBytes() throws -> Data {
        var bytes = Data()
        for name in try FileManager.default.contentsOfDirectory(atPath: url.path) where name.hasPrefix("gateway.sqlite")
        {
            bytes += try self.bytes(name)
        }
        return bytes
    }
}
