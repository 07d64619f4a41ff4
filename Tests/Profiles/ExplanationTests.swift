import LinkModel
import Profiles
import Testing

@Suite("What follows from a profile")
struct ExplanationTests {
    private func near(_ value: Double?, _ expected: Double, within share: Double) -> Bool {
        guard let value else { return false }
        return (value - expected).magnitude <= expected.magnitude * share
    }

    /// Docs/Protocol.md section 7.4 has the same example.
    @Test("the timers of the reference link are those of the protocol's example")
    func referenceTimers() throws {
        let link = try committed.link("reference-100bps", encryptionPermitted: false)
        let explanation = Explanation(link, bodyBytes: 6)
        #expect(explanation.ackTimeout == 10.92)
        #expect(explanation.ackTimeoutMost == 12.012)
        // 1.1 * 10.92 * (1 + 1.5 + 1.5^2 + 1.5^3 [+ 1.5^4])
        #expect(near(explanation.maxTransmitSpan, 97.5975, within: 1e-6))
        #expect(near(explanation.maxTransmitWait, 158.40825, within: 1e-6))
        // T of 1280 bytes, 2 + 2 + 5 + 102.4 and 1.92 of the answer's own.
        #expect(explanation.nstart == 1 && explanation.maxRetransmit == 4)
        #expect(near(explanation.exchangeLifetime, 1616, within: 0.001))
        // "hello" in CBOR: 18 + 1 + 6 bytes at 80 ms, then 17 + 1.
        #expect(explanation.bytesSum == "18 (frame) + 1 (CoAP) + 6 (body) = 25")
        #expect(explanation.bytesDown == 18)
        #expect(explanation.airtimeUp == 2)
        #expect(explanation.arrives == 4)
        #expect(near(explanation.acknowledged, 7.44, within: 1e-9))
        // A day in turns of 7.44 s.
        #expect(explanation.messagesPerDay == 11_612)
        // 110 bytes both ways, as measured.
        #expect(explanation.handshakeUp == 59 && explanation.handshakeDown == 51)
        #expect(explanation.problem == nil)
    }

    @Test(
        "at 1 % a LoRaWAN device of the slowest rate has 12 full messages an hour",
        arguments: [
            ("lorawan-eu868-dr0", 12), ("lorawan-eu868-dr1", 23), ("lorawan-eu868-dr2", 51), ("lorawan-eu868-dr3", 53),
            ("lorawan-eu868-dr4", 54), ("lorawan-eu868-dr5", 97),
        ])
    func dutyCycle(name: String, hourly: Int) throws {
        let link = try committed.link(name, encryptionPermitted: false)
        let explanation = Explanation(link, bodyBytes: link.link.up.mtu - 19)
        #expect(explanation.bytesUp == link.link.up.mtu)
        #expect(explanation.messagesPerDay == hourly * 24)
        #expect(
            explanation.limits.contains { $0.why == "duty cycle up: 1 % in 868.0-868.6" && $0.messages == hourly * 24 })
        // A window opens 1 s after the last bit; the answer is 18 + 13 bytes without a CRC.
        #expect(near(explanation.acknowledged, explanation.airtimeUp + 1 + explanation.airtimeDown, within: 1e-9))
    }

    /// One uplink of 25 bytes in all, two receive windows of 8 symbols, hourly, 2400 mAh: three radios whose results were
    /// computed by hand from their currents.
    @Test(
        "energy and battery years are those of the worked radios",
        arguments: [
            Radio(
                spreadingFactor: 12, transmit: 29, receive: 10.8, sleep: 2.2, window: 0.524288, millijoules: 160.6,
                years: 11.9),
            Radio(
                spreadingFactor: 10, transmit: 29, receive: 10.8, sleep: 2.2, window: 0.32768, millijoules: 51.1,
                years: nil),
            Radio(
                spreadingFactor: 7, transmit: 29, receive: 10.8, sleep: 2.2, window: 0.270336, millijoules: 15.5,
                years: 35),
            Radio(
                spreadingFactor: 12, transmit: 25.5, receive: 4.6, sleep: 2.2, window: 0.524288, millijoules: 132.7,
                years: nil),
            Radio(
                spreadingFactor: 10, transmit: 25.5, receive: 4.6, sleep: 2.2, window: 0.32768, millijoules: 39.6,
                years: nil),
            Radio(
                spreadingFactor: 7, transmit: 25.5, receive: 4.6, sleep: 2.2, window: 0.270336, millijoules: 9.3,
                years: nil),
            Radio(
                spreadingFactor: 12, transmit: 118, receive: 4.6, sleep: 2.6, window: 0.524288, millijoules: 585.3,
                years: 4.0),
            Radio(
                spreadingFactor: 10, transmit: 118, receive: 4.6, sleep: 2.6, window: 0.32768, millijoules: 165.3,
                years: nil),
            Radio(
                spreadingFactor: 7, transmit: 118, receive: 4.6, sleep: 2.6, window: 0.270336, millijoules: 28.1,
                years: nil),
        ])
    func energy(radio: Radio) throws {
        let yaml = """
            link:
              lora: {spreading_factor: \(radio.spreadingFactor), bandwidth_hz: 125000}
              mtu_bytes: 51
            security: {pattern: provisioned}
            payload: {codec: template, fields: [{name: t, bits: 48}]}
            coap: {messages: non-confirmable}
            power:
              class: listen-after-send
              interval_s: 3600
              receive_s: \(radio.window)
              currents: {sleep_ua: \(radio.sleep), receive_ma: \(radio.receive), transmit_ma: \(radio.transmit)}
              battery: {capacity_mah: 2400, voltage_v: 3.3}
            """
        let profile = try parseDevice(yaml)
        // 18 + 1 + 6, as there.
        #expect(profile.messageBytes.up == 25)
        let energy = try #require(Energy(profile))
        #expect(near(energy.perMessage, radio.millijoules, within: 0.004), "\(energy.perMessage)")
        if let years = radio.years { #expect(near(energy.idealYears, years, within: 0.01)) }
        #expect(energy.copiesPerMessage == 1)
        #expect(near(energy.deratedYears, (energy.idealYears ?? 0) / 2, within: 1e-9))
    }

    struct Radio: Sendable {
        var spreadingFactor: Int
        var transmit: Double
        var receive: Double
        var sleep: Double
        var window: Double
        var millijoules: Double
        var years: Double?
    }

    @Test("losses cost copies: with 10 % on the way up, 1.11 of them")
    func copies() throws {
        let profile = try parseDevice(
            """
            link: {rate_bps: 1000, up: {loss_percent: 10}}
            security: {pattern: KK}
            power:
              class: poll
              interval_s: 3600
              currents: {transmit_ma: 100}
              battery: {capacity_mah: 1000, voltage_v: 3}
            """)
        let energy = try #require(Energy(profile))
        #expect(near(energy.copiesPerMessage, 1.1111, within: 1e-9))
        // 3 V * 100 mA * 248 ms: 18 + 1 + 12 = 31 bytes at 1000 bit/s.
        #expect(near(energy.transmit, 74.4, within: 1e-9))
        #expect(energy.receive == 0)
    }

    @Test("outages and bit errors cost long frames more")
    func expectedLoss() throws {
        // 10 % of the time bad, for 20 s each: good for 180 s on average, and 25 bytes take 2 s: e^(-2 / 180).
        let outages = Explanation(try parseLink("rate_bps: 100\nloss_percent: 10\noutage_s: 20\n"), bodyBytes: 6)
        #expect(near(outages.lossUpPercent, 100 * (1 - 0.9 * 0.9889504), within: 1e-5))
        // 1 - 0.999^(8 * 25)
        let errors = Explanation(try parseLink("rate_bps: 100\nbit_error_rate: 0.001\n"), bodyBytes: 6)
        #expect(near(errors.lossUpPercent, 18.1351, within: 1e-4))
        let chain = Explanation(
            try parseLink("rate_bps: 100\ngilbert_elliott: {p_percent: 5, r_percent: 20}\n"), bodyBytes: 6)
        #expect(near(chain.lossUpPercent, 20, within: 1e-9))
        let trace = try parseLink("rate_bps: 100\ntrace: {down: [{from_s: 0, to_s: 1}], period_s: 2}\n")
        #expect(Explanation(trace, bodyBytes: 6).lossUpPercent == nil)
    }

    @Test("quotas and contact windows limit a day")
    func quotas() throws {
        let explanation = Explanation(
            try parseLink("rate_bps: 100\nmessages_per_day: 140\ndown: {messages_per_day: 4}\n"), bodyBytes: 6)
        #expect(explanation.messagesPerDay == 4)
        let passes = Explanation(
            try parseLink(
                "rate_bps: 100\nwindows: {period_s: 3600, open: [{from_s: 0, to_s: 41}, {from_s: 100, to_s: 102}]}\n"),
            bodyBytes: 6)
        // 25 + 18 bytes take 3.44 s: eleven in 41 s, none in 2 s.
        #expect(passes.messagesPerDay == 11 * 24)
    }

    @Test("a link that cannot carry a frame says so, and so does one that needs an adapter")
    func words() throws {
        let small = Explanation(try LinkProfile.load(committed.file("sigfox-rc1", .links)), bodyBytes: 1).text
        #expect(small.contains("CANNOT RUN        sigfox-rc1 carries 12 bytes up; the shortest frame has 18 + 1 = 19"))
        #expect(small.contains("not UDP: needs Sigfox's callbacks"))
        let long = Explanation(try LinkProfile.load(committed.file("acoustic-fhfsk", .links)), bodyBytes: 14)
        #expect(
            long.problem == "the message needs 18 (frame) + 1 (CoAP) + 14 (body) = 33 bytes, and the link carries 32 up"
        )
        let fits = Explanation(try LinkProfile.load(committed.file("acoustic-fhfsk", .links)), bodyBytes: 13)
        #expect(fits.problem == nil)
        #expect(fits.notes == ["carries less than 128 bytes: no handshake fits, only provisioned sessions work"])
        #expect(fits.handshakeUp == nil)
        let reference = Explanation(try committed.link("reference-100bps", encryptionPermitted: false), bodyBytes: 6)
            .text
        #expect(reference.contains("carries           UDP: runs as it is"))
        #expect(reference.contains("not verified      rate_bps, latency_s, loss_percent"))
    }

    @Test("each committed profile can be explained", arguments: committed.names(.links) + committed.names(.devices))
    func all(name: String) throws {
        let isDevice = committed.names(.devices).contains(name)
        let explanation =
            isDevice
            ? Explanation(try DeviceProfile.load(committed.file(name, .devices), committed))
            : Explanation(try LinkProfile.load(committed.file(name, .links)), bodyBytes: 7)
        #expect(explanation.airtimeUp > 0)
        // It runs from the last bit's leaving.
        #expect(explanation.airtimeUp + explanation.ackTimeout >= explanation.acknowledged)
        #expect(explanation.text.hasPrefix(explanation.name))
    }
}
