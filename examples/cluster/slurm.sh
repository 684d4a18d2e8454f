#!/bin/bash
# One task of the array for each shard. The same command again, after whatever ended a task, goes on where it was:
#   sbatch examples/cluster/slurm.sh
# When all have ended well:
#   npx inseq merge results/results-*-of-00008.jsonl -o results/results.json
#SBATCH --job-name=inseq
#SBATCH --array=0-7
#SBATCH --cpus-per-task=4
#SBATCH --mem=8G
#SBATCH --time=12:00:00
#SBATCH --requeue
#SBATCH --output=inseq-%A-%a.log

set -euo pipefail

mkdir -p results
npx inseq attribute-dataset \
  --model_name_or_path gpt2 \
  --attribution_method integrated_gradients \
  --dataset_name data.jsonl --input_text_field prompt \
  --aggregate_output --hide \
  --save_path results/results.jsonl --shard auto --resume
