;; The inner loop of resampler.ts: eight products at a time, which JavaScript cannot do. After a change: node src/media/resampler/build-polyphase.js
(module
  (memory (export "memory") 4)

  ;; Writes `count` samples to `out`. Each is the sum of `taps` samples of the window (16 bits each), weighted by the filter of its phase
  ;; (16 bits, of which 14 are behind the point). `taps` is a multiple of 8.
  (func (export "convert")
    (param $window i32) (param $filters i32) (param $taps i32)
    (param $out i32) (param $count i32)
    (param $start i32) (param $phase i32)
    (param $up i32) (param $whole_steps i32) (param $phase_steps i32)
    (local $end i32) (local $a i32) (local $b i32) (local $last i32) (local $sum i32) (local $lanes v128)

    (local.set $end (i32.add (local.get $out) (i32.shl (local.get $count) (i32.const 1))))
    (block $done
      (loop $each
        (br_if $done (i32.ge_u (local.get $out) (local.get $end)))

        (local.set $a (i32.add (local.get $window) (i32.shl (local.get $start) (i32.const 1))))
        (local.set $b (i32.add (local.get $filters)
          (i32.shl (i32.mul (local.get $phase) (local.get $taps)) (i32.const 1))))
        (local.set $last (i32.add (local.get $b) (i32.shl (local.get $taps) (i32.const 1))))
        (local.set $lanes (v128.const i32x4 0 0 0 0))
        (loop $products
          (local.set $lanes (i32x4.add (local.get $lanes)
            (i32x4.dot_i16x8_s (v128.load align=2 (local.get $a)) (v128.load align=2 (local.get $b)))))
          (local.set $a (i32.add (local.get $a) (i32.const 16)))
          (local.set $b (i32.add (local.get $b) (i32.const 16)))
          (br_if $products (i32.lt_u (local.get $b) (local.get $last))))

        ;; Rounded, and kept within 16 bits.
        (local.set $sum (i32.shr_s
          (i32.add (i32.const 8192) (i32.add
            (i32.add (i32x4.extract_lane 0 (local.get $lanes)) (i32x4.extract_lane 1 (local.get $lanes)))
            (i32.add (i32x4.extract_lane 2 (local.get $lanes)) (i32x4.extract_lane 3 (local.get $lanes)))))
          (i32.const 14)))
        (if (i32.gt_s (local.get $sum) (i32.const 32767)) (then (local.set $sum (i32.const 32767))))
        (if (i32.lt_s (local.get $sum) (i32.const -32768)) (then (local.set $sum (i32.const -32768))))
        (i32.store16 (local.get $out) (local.get $sum))
        (local.set $out (i32.add (local.get $out) (i32.const 2)))

        (local.set $start (i32.add (local.get $start) (local.get $whole_steps)))
        (local.set $phase (i32.add (local.get $phase) (local.get $phase_steps)))
        (if (i32.ge_u (local.get $phase) (local.get $up)) (then
          (local.set $phase (i32.sub (local.get $phase) (local.get $up)))
          (local.set $start (i32.add (local.get $start) (i32.const 1)))))
        (br $each)))))
