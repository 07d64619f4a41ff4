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
        // Frame and tag.
        answerOverheadBytes = 17 + link.down.overheadBytes
    }
}
