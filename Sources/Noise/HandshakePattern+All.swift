extension HandshakePattern {
    public static let kk = HandshakePattern(
        "KK", knownInitiator: true, knownResponder: true, [[.e, .es, .ss], [.e, .ee, .se]])

    public static let ik = HandshakePattern(
        "IK", knownResponder: true, [[.e, .es, .s, .ss], [.e, .ee, .se]])
    public static let kkpsk0 = HandshakePattern(
        "KKpsk0", knownInitiator: true, knownResponder: true, [[.psk, .e, .es, .ss], [.e, .ee, .se]])
    public static let nn = HandshakePattern("NN", [[.e], [.e, .ee]])
    public static let nnpsk0 = HandshakePattern("NNpsk0", [[.psk, .e], [.e, .ee]])
    public static let xxpsk0 = HandshakePattern("XXpsk0", [[.psk, .e], [.e, .ee, .s, .es], [.s, .se]])

    /// One-way (section 7.4), fundamental interactive (7.5) and deferred patterns (appendix 18.1).
    static let all: [HandshakePattern] = [
        HandshakePattern("N", knownResponder: true, [[.e, .es]]),
        HandshakePattern("K", knownInitiator: true, knownResponder: true, [[.e, .es, .ss]]),
        HandshakePattern("X", knownResponder: true, [[.e, .es, .s, .ss]]),

        nn,
        HandshakePattern("NK", knownResponder: true, [[.e, .es], [.e, .ee]]),
        HandshakePattern("NX", [[.e], [.e, .ee, .s, .es]]),
        HandshakePattern("KN", knownInitiator: true, [[.e], [.e, .ee, .se]]),
        kk,
        HandshakePattern("KX", knownInitiator: true, [[.e], [.e, .ee, .se, .s, .es]]),
        HandshakePattern("XN", [[.e], [.e, .ee], [.s, .se]]),
        HandshakePattern("XK", knownResponder: true, [[.e, .es], [.e, .ee], [.s, .se]]),
        HandshakePattern("XX", [[.e], [.e, .ee, .s, .es], [.s, .se]]),
        HandshakePattern("IN", [[.e, .s], [.e, .ee, .se]]),
        ik,
        HandshakePattern("IX", [[.e, .s], [.e, .ee, .se, .s, .es]]),

        HandshakePattern("NK1", knownResponder: true, [[.e], [.e, .ee, .es]]),
        HandshakePattern("NX1", [[.e], [.e, .ee, .s], [.es]]),
        HandshakePattern("X1N", [[.e], [.e, .ee], [.s], [.se]]),
        HandshakePattern("X1K", knownResponder: true, [[.e, .es], [.e, .ee], [.s], [.se]]),
        HandshakePattern("XK1", knownResponder: true, [[.e], [.e, .ee, .es], [.s, .se]]),
        HandshakePattern("X1K1", knownResponder: true, [[.e], [.e, .ee, .es], [.s], [.se]]),
        HandshakePattern("X1X", [[.e], [.e, .ee, .s, .es], [.s], [.se]]),
        HandshakePattern("XX1", [[.e], [.e, .ee, .s], [.es, .s, .se]]),
        HandshakePattern("X1X1", [[.e], [.e, .ee, .s], [.es, .s], [.se]]),
        HandshakePattern("K1N", knownInitiator: true, [[.e], [.e, .ee], [.se]]),
        HandshakePattern("K1K", knownInitiator: true, knownResponder: true, [[.e, .es], [.e, .ee], [.se]]),
        HandshakePattern("KK1", knownInitiator: true, knownResponder: true, [[.e], [.e, .ee, .se, .es]]),
        HandshakePattern("K1K1", knownInitiator: true, knownResponder: true, [[.e], [.e, .ee, .es], [.se]]),
        HandshakePattern("K1X", knownInitiator: true, [[.e], [.e, .ee, .s, .es], [.se]]),
        HandshakePattern("KX1", knownInitiator: true, [[.e], [.e, .ee, .se, .s], [.es]]),
        HandshakePattern("K1X1", knownInitiator: true, [[.e], [.e, .ee, .s], [.se, .es]]),
        HandshakePattern("I1N", [[.e, .s], [.e, .ee], [.se]]),
        HandshakePattern("I1K", knownResponder: true, [[.e, .es, .s], [.e, .ee], [.se]]),
        HandshakePattern("IK1", knownResponder: true, [[.e, .s], [.e, .ee, .se, .es]]),
        HandshakePattern("I1K1", knownResponder: true, [[.e, .s], [.e, .ee, .es], [.se]]),
        HandshakePattern("I1X", [[.e, .s], [.e, .ee, .s, .es], [.se]]),
        HandshakePattern("IX1", [[.e, .s], [.e, .ee, .se, .s], [.es]]),
        HandshakePattern("I1X1", [[.e, .s], [.e, .ee, .s], [.se, .es]]),
    ]
}
