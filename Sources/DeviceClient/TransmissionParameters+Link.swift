public import CoAP
public import Links

extension TransmissionParameters {
    /// The timers of a device on this link: they follow its answers down.
    public init(deviceOn link: Link) {
        let timing = LinkTiming(link)
        self.init(
            roundTrip: timing.idleRoundTrip, perAnswerByte: timing.nanosecondsPerByteDown,
            expectedAnswerBytes: 24 + link.down.overheadBytes, processing: link.processing)
        learnsRoundTrip = link.isRateKnown
        // Each copy, and the answer, may have to wait for contact.
        maxLatency += timing.longestGap
        exchangeLifetime += Int64(maxRetransmit + 2) * timing.longestGap
        // Frame and tag.
        answerOverheadBytes = 17 + link.down.overheadBytes
    }
}
