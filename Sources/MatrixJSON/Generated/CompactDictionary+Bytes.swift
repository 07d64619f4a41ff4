extension CompactDictionary {
    static let bytes: [UInt8] = []
}
