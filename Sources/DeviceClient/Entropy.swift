/// Where a device's randomness comes from: the system's generator, a hardware one; in the simulator alone a seeded one.
public protocol Entropy {
    /// 32 unpredictable bytes.
    mutating func next32() -> [UInt8]
}
