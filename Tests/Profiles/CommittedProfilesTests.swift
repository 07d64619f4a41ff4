import Foundation
import LinkModel
import Profiles
import Testing

@Suite("The profiles that come with Sotto")
struct CommittedProfilesTests {
    @Test("there are at least forty links, and the seven worked devices")
    func count() {
        #expect(committed.names(.links).count >= 42)
        #expect(
            committed.names(.devices) == [
                "acoustic-modem", "hf-weather-station", "iridium-sbd-buoy", "lorawan-eu868-soil-sensor",
                "meshtastic-tracker", "nbiot-meter", "reference-sensor",
            ])
    }

    @Test(
        "each link can be read, is named as its file, and says of each figure where it is from",
        arguments: committed.names(.links))
    func link(name: String) throws {
        let path = try committed.file(name, .links)
        let profile = try LinkProfile.load(path)
        #expect(profile.name == name)
        #expect(!profile.description.isEmpty)
        #expect(profile.kind != .other)
        #expect(try LinkProfile.fieldsWithoutSource(path).isEmpty)
        let text = try String(contentsOfFile: path, encoding: .utf8)
        #expect(text.contains("\ncarries: "))
        for line in text.split(separator: "\n") { #expect(line.utf8.count <= 240, "\(line)") }
    }

    @Test("amateur radio is refused unless somebody says that encryption is permitted")
    func amateurRadio() throws {
        let amateur = try committed.names(.links).filter { name in
            try !LinkProfile.load(committed.file(name, .links)).allowsEncryption
        }
        #expect(amateur.count == 13)
        #expect(amateur.contains("ax25-1200") && amateur.contains("meshtastic-tinyslow"))
        #expect(!amateur.contains("mil110-75"))
        #expect(
            refusal { () throws(FieldError) in try committed.link("ax25-1200", encryptionPermitted: false) }
                == "ax25-1200: ax25-1200 is a link of amateur radio, where most countries forbid encryption, and Sotto "
                + "always encrypts")
        #expect(try committed.link("ax25-1200", encryptionPermitted: true).name == "ax25-1200")
    }

    @Test("only links with IP say that they carry UDP")
    func carriers() throws {
        let udp = try committed.names(.links).filter { name in
            try LinkProfile.load(committed.file(name, .links)).carrier == .udp
        }
        #expect(
            udp == [
                "ieee802154", "iridium-rudics", "lab-20kbps", "ltem", "nbiot-ce0", "nbiot-ce2", "ref-100-clean",
                "ref-100-fosdem", "ref-meshsim-300", "reference-100bps", "wisun-50",
            ])
    }

    @Test(
        "a full frame is on the air for as long as the sources say",
        arguments: [
            ("lorawan-eu868-dr0", 2_793_472_000), ("lorawan-eu868-dr1", 1_560_576_000),
            ("lorawan-eu868-dr2", 698_368_000),
            ("lorawan-eu868-dr3", 676_864_000), ("lorawan-eu868-dr4", 655_872_000), ("lorawan-eu868-dr5", 368_896_000),
            ("lorawan-us915-dr0", 370_688_000), ("lorawan-us915-dr1", 390_144_000), ("lorawan-us915-dr2", 399_872_000),
            ("lorawan-us915-dr3", 399_616_000), ("lorawan-us915-dr4", 176_768_000), ("sigfox-rc1", 6_240_000_000),
            ("sigfox-rc2", 1_161_000_000), ("iridium-imt", 78_610_800_000), ("pactor-1", 40_000_000_000),
        ] as [(String, Int64)])
    func airtime(name: String, expected: Int64) throws {
        let up = try LinkProfile.load(committed.file(name, .links)).link.up
        #expect(up.framing.duration(of: up.mtu) == expected)
    }

    /// In tenths of a millisecond, as the source gives them.
    @Test(
        "a full Meshtastic packet is on the air for as long as the source says",
        arguments: [
            ("shortturbo", 994), ("shortfast", 1988), ("mediumslow", 11_397), ("longfast", 21_156),
            ("longmoderate", 78_029),
            ("longslow", 140_329), ("verylongslow", 280_658), ("tinyslow", 87_344),
        ] as [(String, Int64)])
    func meshtastic(name: String, tenths: Int64) throws {
        let up = try LinkProfile.load(committed.file("meshtastic-\(name)", .links)).link.up
        #expect((up.framing.duration(of: 233) + 50_000) / 100_000 == tenths)
    }

    @Test("links that are too small for a frame are named with the sum")
    func tooSmall() throws {
        let small = try committed.names(.links).filter { name in
            try LinkProfile.load(committed.file(name, .links)).smallestFrameProblem != nil
        }
        #expect(
            small == [
                "acoustic-janus", "argos-a2", "argos-a4-md", "argos-a4-vld", "ft8", "js8-fast", "js8-normal",
                "js8-slow",
                "js8-turbo", "lorawan-us915-dr0", "sigfox-rc1", "sigfox-rc2",
            ])
        #expect(
            try LinkProfile.load(committed.file("sigfox-rc1", .links)).smallestFrameProblem
                == "sigfox-rc1 carries 12 bytes up; the shortest frame has 18 + 1 = 19")
    }

    @Test("each device can be read, and its examples hold", arguments: committed.names(.devices))
    func device(name: String) throws {
        let path = try committed.file(name, .devices)
        let profile = try DeviceProfile.load(path, committed)
        #expect(profile.about.name == name)
        #expect(profile.failures(file: path).isEmpty)
        #expect(profile.payload.examples.count >= 2)
        #expect(profile.test.bytesPerMessage != nil)
        let carries = min(profile.link.link.up.mtu, profile.link.link.down.mtu)
        #expect((carries < 128) == (profile.security.pattern == .provisioned))
    }
}
