import LinkModel
import Links
import Testing

@Suite("LoRa's time on the air")
struct LoRaTests {
    /// Nanoseconds.
    private static let millisecond: Int64 = 1_000_000

    @Test(
        "worked examples of the data sheet's formula",
        arguments: [
            (12, 125_000, 8, 64, 73, Int64(2_793_472_000)),
            (10, 125_000, 8, 24, 33, 370_688_000),
            (7, 125_000, 8, 235, 348, 368_896_000),
            (11, 250_000, 16, 48, 53, 600_064_000),
            (12, 125_000, 8, 13, 23, 1_155_072_000),
        ])
    func workedExamples(sf: Int, bandwidth: Int, preamble: Int, bytes: Int, symbols: Int, nanoseconds: Int64) {
        let packet = LoRaModulation(spreadingFactor: sf, bandwidth: bandwidth, preambleSymbols: preamble)
        #expect(packet.payloadSymbols(of: bytes) == symbols)
        #expect(packet.timeOnAir(of: bytes) == nanoseconds)
    }

    /// pkg/toa/toa_test.go of The Things Stack: 10 bytes, 4/5, CRC; microseconds.
    @Test(
        "vectors of The Things Stack",
        arguments: [
            (7, 125_000, 1, 10, Int64(41_216)), (8, 125_000, 1, 10, 72_192), (9, 125_000, 1, 10, 144_384),
            (10, 125_000, 1, 10, 288_768), (11, 125_000, 1, 10, 577_536), (12, 125_000, 1, 10, 991_232),
            (7, 250_000, 1, 10, 20_608), (7, 500_000, 1, 10, 10_304), (7, 125_000, 2, 10, 45_312),
            (7, 125_000, 3, 10, 49_408), (7, 125_000, 4, 10, 53_504), (7, 125_000, 1, 13, 46_336),
            (7, 125_000, 1, 14, 46_336), (7, 125_000, 1, 15, 46_336), (7, 125_000, 1, 16, 51_456),
            (7, 125_000, 1, 17, 51_456), (7, 125_000, 1, 18, 51_456), (7, 125_000, 1, 19, 51_456),
        ])
    func thingsStack(sf: Int, bandwidth: Int, codingRate: Int, bytes: Int, microseconds: Int64) {
        let packet = LoRaModulation(spreadingFactor: sf, bandwidth: bandwidth, codingRate: codingRate)
        #expect(packet.timeOnAir(of: bytes) == microseconds * 1000)
    }

    @Test("low data rate optimisation follows the symbol's length, or what the profile says")
    func optimisation() {
        func isOptimised(_ sf: Int, _ bandwidth: Int) -> Bool {
            LoRaModulation(spreadingFactor: sf, bandwidth: bandwidth).isOptimised
        }
        #expect(!isOptimised(10, 125_000))
        #expect(isOptimised(11, 125_000))
        #expect(!isOptimised(11, 250_000))
        #expect(isOptimised(12, 250_000))
        // 16.4 ms: narrow channels have it at low spreading factors.
        #expect(isOptimised(8, 15_600))
        #expect(!isOptimised(7, 15_600))
        var packet = LoRaModulation(spreadingFactor: 12, bandwidth: 250_000)
        packet.lowDataRateOptimisation = .off
        #expect(!packet.isOptimised)
        #expect(packet.payloadSymbols(of: 64) == 63)
        packet.lowDataRateOptimisation = .on
        #expect(packet.payloadSymbols(of: 64) == 73)
    }

    @Test("a downlink without CRC, and a packet without header, take no longer")
    func withoutCRCAndHeader() {
        let up = LoRaModulation(spreadingFactor: 9, bandwidth: 125_000)
        var down = up
        down.hasCRC = false
        var bare = down
        bare.hasExplicitHeader = false
        for bytes in 0...255 {
            #expect(down.timeOnAir(of: bytes) <= up.timeOnAir(of: bytes))
            #expect(bare.timeOnAir(of: bytes) <= down.timeOnAir(of: bytes))
            if bytes > 0 { #expect(up.timeOnAir(of: bytes - 1) <= up.timeOnAir(of: bytes)) }
        }
        // 13 bytes at SF12: 1155.072 ms with CRC; ceil(84 / 40) = 3 blocks without, as with.
        let slow = LoRaModulation(spreadingFactor: 12, bandwidth: 125_000, hasCRC: false)
        #expect(slow.payloadSymbols(of: 13) == 23)
    }

    @Test("timers that count on the link never expect less than it takes")
    func timing() {
        for sf in 7...12 {
            let packet = LoRaModulation(spreadingFactor: sf, bandwidth: 125_000)
            let direction = RadioLink.Direction(Framing(.lora(packet), overheadBytes: 13), mtu: 222)
            let link = RadioLink(up: direction, down: direction).timing
            for bytes in 0...222 {
                #expect(
                    link.up.serialisation(of: bytes) + link.up.latency >= direction.framing.duration(of: bytes),
                    "SF\(sf), \(bytes) bytes")
            }
        }
    }
}
